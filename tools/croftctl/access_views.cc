// How principals and audit rows are shown.

#include <map>
#include <string>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "tools/croftctl/values.h"
#include "tools/croftctl/view_parts.h"
#include "tools/croftctl/views.h"

// How principals and the audit are shown.
namespace croft::ctl {
namespace {

// Such as `connector on app=shop`, `viewer on acme,globex` or `operator`.
std::string TextOf(const v1::Binding& binding) {
  std::string role = EnumName(*google::protobuf::GetEnumDescriptor<v1::Binding::Role>(), "ROLE_",
                              static_cast<int>(binding.role()));
  absl::AsciiStrToLower(&role);
  if (binding.all_tenants()) return role;
  const std::map<std::string, std::string> labels(binding.labels().begin(), binding.labels().end());
  return absl::StrCat(role, " on ", absl::StrJoin(binding.tenants(), ","),
                      absl::StrJoin(labels, ",", absl::PairFormatter("=")));
}

template <class Bindings>
std::string TextsOf(const Bindings& bindings) {
  return absl::StrJoin(bindings, "; ",
                       [](std::string* out, const v1::Binding& binding) { out->append(TextOf(binding)); });
}

std::string TokensOf(const v1::Principal& principal) {
  return absl::StrJoin(principal.tokens(), "; ", [](std::string* out, const v1::Token& token) {
    absl::StrAppend(out, LastPart(token.name()), token.has_expire_time() ? " until " : "",
                    When(token.has_expire_time(), token.expire_time()),
                    token.has_last_used_time() ? ", used about " : ", never used",
                    When(token.has_last_used_time(), token.last_used_time()));
  });
}

std::string CertificatesOf(const v1::Principal& principal) {
  return absl::StrJoin(
      principal.certificates(), "; ", [](std::string* out, const v1::Certificate& certificate) {
        absl::StrAppend(out, certificate.fingerprint(), certificate.has_expire_time() ? " until " : "",
                        When(certificate.has_expire_time(), certificate.expire_time()));
      });
}

}  // namespace

View ViewOf(const v1::Principal& principal) {
  return {&principal,
          principal.name(),
          {{"id", LastPart(principal.name())},
           {"name", principal.display_name()},
           {"may", TextsOf(principal.bindings())},
           {"tokens", absl::StrCat(principal.tokens_size())},
           Detail("token ids", TokensOf(principal)),
           Detail("certificates", CertificatesOf(principal)),
           Detail("created", When(principal.has_create_time(), principal.create_time())),
           Detail("uid", principal.uid()),
           Detail("etag", principal.etag())}};
}

View ViewOf(const v1::CreateTokenResponse& token) {
  return {&token,
          token.token().name(),
          {{"token", token.secret()},
           {"expires", When(token.token().has_expire_time(), token.token().expire_time())}}};
}

View ViewOf(const v1::WhoAmIResponse& caller) {
  std::string kind = EnumName(*google::protobuf::GetEnumDescriptor<v1::WhoAmIResponse::Kind>(), "KIND_",
                              static_cast<int>(caller.kind()));
  absl::AsciiStrToLower(&kind);
  return {&caller,
          caller.caller(),
          {{"you are", caller.caller()},
           {"kind", kind},
           {"may", caller.kind() == v1::WhoAmIResponse::KIND_ADMINISTRATOR ? "everything"
                                                                           : TextsOf(caller.bindings())},
           {"by token", LastPart(caller.token())},
           {"until", When(caller.has_expire_time(), caller.expire_time())}}};
}

View ViewOf(const v1::AuditEvent& event) {
  return {&event,
          absl::StrCat(event.sequence()),
          {{"sequence", absl::StrCat(event.sequence())},
           {"time", When(event.has_time(), event.time())},
           {"caller", event.caller()},
           {"method", event.method()},
           {"resources", absl::StrJoin(event.resources(), " ")},
           {"result", event.result(), event.result() == "OK" ? Tone::kPlain : Tone::kBad},
           {"calls", event.count() == 1 ? "" : absl::StrCat(event.count())},
           {"from", event.peer()}}};
}

View ViewOf(const v1::VerifyAuditResponse& verified) {
  return {&verified,
          absl::StrCat(verified.head().sequence(), ":", verified.head().hash()),
          {{"rows", absl::StrCat(verified.head().sequence())}, {"hash", verified.head().hash()}}};
}

View ViewOf(const v1::Event& event) {
  return {&event,
          event.id(),
          {{"time", When(event.has_time(), event.time())},
           {"type", event.type()},
           {"subject", event.subject()},
           {"host", LastPart(event.host())},
           {"data", Pairs(event.data())},
           Wide("tenant", LastPart(event.tenant())),
           Wide("position", absl::StrCat(event.position()))}};
}

}  // namespace croft::ctl
