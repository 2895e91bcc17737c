// Gives archives to the control plane, on a thread of its own.

#include "agent/session/exporter.h"

#include <algorithm>
#include <utility>

#include "agent/postgres/sql_error.h"
#include "common/crypto/seal.h"
#include "common/errors.h"
#include "common/utf8.h"

namespace croft::agent {
namespace {

// What is granted beyond this is a mistake of the control plane's.
constexpr int64_t kMostGranted = 1024;

absl::Status ExportBusy() {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   "the host is exporting another backup; try again when it is done",
                   {.reason = "EXPORT_BUSY"});
}

absl::Status NotWanted() { return absl::CancelledError("nobody waits for the export any more"); }

v1::ExportPart ExportFailed(int64_t id, const absl::Status& why) {
  v1::ExportPart part;
  part.set_id(id);
  const std::string reason = DetailsOf(why).reason;
  part.mutable_error()->set_reason(reason.empty() ? "EXPORT_FAILED" : reason);
  part.mutable_error()->set_message(Presentable(why.message(), kMostMessageBytes));
  part.mutable_error()->set_retryable(absl::IsUnavailable(why));
  return part;
}

}  // namespace

v1::ArchiveFacts ToProto(const Manifest& manifest, const PlainDump& dump) {
  v1::ArchiveFacts facts;
  facts.set_size_bytes(dump.size_bytes);
  facts.set_sha256(dump.sha256);
  facts.set_server_version(manifest.facts.server_version);
  facts.set_encoding(manifest.facts.locale.encoding);
  facts.set_collate(manifest.facts.locale.collate);
  facts.set_ctype(manifest.facts.locale.ctype);
  facts.set_icu_locale(manifest.facts.locale.icu_locale);
  facts.set_locale_provider(manifest.facts.locale.provider);
  facts.set_collation_version(manifest.facts.locale.collation_version);
  for (const ExtensionFact& known : manifest.facts.extensions) {
    v1::DatabaseExtension& extension = *facts.add_extensions();
    extension.set_name(Presentable(known.name, kMostMessageBytes));
    extension.set_version(Presentable(known.version, kMostMessageBytes));
    extension.set_schema(Presentable(known.schema, kMostMessageBytes));
  }
  for (const SettingFact& known : manifest.facts.settings) {
    v1::DatabaseParameter& parameter = *facts.add_parameters();
    parameter.set_name(Presentable(known.name, kMostMessageBytes));
    parameter.set_value(Presentable(known.value, kMostMessageBytes));
    parameter.set_role(Presentable(known.role, kMostMessageBytes));
    parameter.set_read_only_login(known.read_only_login);
    parameter.set_every_database(!known.in_database);
  }
  facts.set_owner_role(manifest.owner_role);
  facts.set_reader_role(manifest.reader_role);
  return facts;
}

Exporter::Exporter(Read read, Send send)
    : read_(std::move(read)), send_(std::move(send)), thread_([this] { Run(); }) {}

Exporter::~Exporter() { Stop(); }

void Exporter::Begin(const v1::ExportQuery& query) {
  {
    const MutexLock lock(mutex_);
    if (!running_) {
      running_ = Running{.query = query, .granted = std::clamp<int64_t>(query.parts(), 0, kMostGranted)};
      wake_.NotifyAll();
      return;
    }
  }
  send_(ExportFailed(query.id(), ExportBusy()));
}

void Exporter::Control(const v1::ExportControl& control) {
  const MutexLock lock(mutex_);
  if (!running_ || running_->query.id() != control.id()) return;
  if (control.stop()) running_->dropped = true;
  running_->granted = std::clamp<int64_t>(running_->granted + control.parts(), 0, kMostGranted);
  wake_.NotifyAll();
}

void Exporter::Drop() {
  const MutexLock lock(mutex_);
  if (running_) running_->dropped = true;
  wake_.NotifyAll();
}

void Exporter::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void Exporter::Run() {
  for (;;) {
    v1::ExportQuery query;
    {
      const MutexLock lock(mutex_);
      while (!stopping_ && !running_) wake_.Wait(mutex_);
      if (stopping_) return;
      query = running_->query;
    }
    End(query.id(), ReadInParts(query));
  }
}

void Exporter::End(int64_t id, const absl::Status& status) {
  v1::ExportPart last;
  if (status.ok()) {
    last.set_id(id);
    last.set_end(true);
  } else {
    last = ExportFailed(id, status);
  }
  const MutexLock lock(mutex_);
  if (!running_->dropped) send_(std::move(last));
  running_.reset();
}

absl::Status Exporter::StillWanted() const {
  const MutexLock lock(mutex_);
  return stopping_ || running_->dropped ? NotWanted() : absl::OkStatus();
}

absl::Status Exporter::SendFacts(int64_t id, v1::ArchiveFacts facts) {
  v1::ExportPart part;
  part.set_id(id);
  *part.mutable_archive() = std::move(facts);
  const MutexLock lock(mutex_);
  if (stopping_ || running_->dropped) return NotWanted();
  send_(std::move(part));
  return absl::OkStatus();
}

absl::Status Exporter::SendData(int64_t id, std::string data) {
  v1::ExportPart part;
  part.set_id(id);
  part.set_data(std::move(data));
  const MutexLock lock(mutex_);
  while (!stopping_ && !running_->dropped && running_->granted == 0) wake_.Wait(mutex_);
  if (stopping_ || running_->dropped) return NotWanted();
  --running_->granted;
  send_(std::move(part));
  return absl::OkStatus();
}

absl::Status Exporter::ReadInParts(const v1::ExportQuery& query) {
  std::string data;
  const ExportSink sink{
      .describe = [&](const Manifest& manifest,
                      const PlainDump& dump) { return SendFacts(query.id(), ToProto(manifest, dump)); },
      .take = [&](absl::string_view bytes) -> absl::Status {
        while (!bytes.empty()) {
          const size_t taken = std::min(bytes.size(), kPartBytes - data.size());
          data.append(bytes.data(), taken);
          bytes.remove_prefix(taken);
          if (data.size() < kPartBytes) break;
          CROFT_RETURN_IF_ERROR(SendData(query.id(), std::exchange(data, {})));
        }
        return absl::OkStatus();
      },
      .keep_going = [this] { return StillWanted(); }};
  CROFT_RETURN_IF_ERROR(read_(query.source(), sink));
  return data.empty() ? absl::OkStatus() : SendData(query.id(), std::move(data));
}

Exporter::Read ReadFrom(FindStoreById find) {
  return [find = std::move(find)](const v1::BackupSource& source, const ExportSink& sink) -> absl::Status {
    if (source.key().size() != crypto::kKeyBytes)
      return InvalidField("export.source.key", "must be 32 bytes");
    CROFT_ASSIGN_OR_RETURN(Store* const store, find(source.store()));
    const BackupToRead backup{
        .identity = {.uid = source.uid(), .generation = source.generation(), .backup = source.backup()},
        .key = source.key(),
        .sha256 = source.sha256()};
    return ExportArchive(*store, backup, sink);
  };
}

}  // namespace croft::agent
