#include "common/crypto/seal.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace croft::crypto {
namespace {

const std::string kKey(kKeyBytes, 'k');
const std::string kOtherKey(kKeyBytes, 'o');

void ExpectDataLoss(const absl::StatusOr<std::string>& result, const std::string& what) {
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss) << what;
}

TEST(Seal, OpensWhatWasSealed) {
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(100'000, 'y'), std::string("\0\xff", 2)}) {
    EXPECT_EQ(*Open(kKey, Seal(kKey, text, "context"), "context"), text);
  }
}

TEST(Seal, SamePlaintextSealsDifferentlyEachTime) {
  EXPECT_NE(Seal(kKey, "text", ""), Seal(kKey, "text", ""));
}

TEST(Seal, PlaintextDoesNotShow) {
  EXPECT_EQ(Seal(kKey, "very secret", "context").find("secret"), std::string::npos);
}

TEST(Seal, AnyFlippedBitIsFound) {
  const std::string sealed = Seal(kKey, "password", "tenants/acme");
  for (size_t i = 0; i < sealed.size() * 8; ++i) {
    std::string changed = sealed;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << (i % 8)));
    ExpectDataLoss(Open(kKey, changed, "tenants/acme"), std::to_string(i));
  }
}

TEST(Seal, AnyCutOrLengtheningIsFound) {
  const std::string sealed = Seal(kKey, "password", "c");
  for (size_t size = 0; size < sealed.size(); ++size) {
    ExpectDataLoss(Open(kKey, sealed.substr(0, size), "c"), std::to_string(size));
    ExpectDataLoss(Open(kKey, sealed.substr(sealed.size() - size), "c"), std::to_string(size));
  }
  ExpectDataLoss(Open(kKey, sealed + "x", "c"), "longer");
}

TEST(Seal, AnotherKeyOrContextDoesNotOpen) {
  const std::string sealed = Seal(kKey, "password", "tenants/acme");
  ExpectDataLoss(Open(kOtherKey, sealed, "tenants/acme"), "key");
  ExpectDataLoss(Open(kKey, sealed, "tenants/globex"), "context");
  ExpectDataLoss(Open(kKey, sealed, ""), "no context");
}

struct Stream {
  std::string header;
  std::vector<std::string> chunks;
};

Stream SealStream(const std::vector<std::string>& texts, const std::string& context = "backup-1") {
  StreamSealer sealer(kKey, context);
  Stream stream{sealer.header(), {}};
  for (size_t i = 0; i < texts.size(); ++i)
    stream.chunks.push_back(sealer.Chunk(texts[i], i + 1 == texts.size()));
  return stream;
}

// Every chunk's text, or the first error; DATA_LOSS also when the stream ends too early.
absl::StatusOr<std::string> OpenStream(const Stream& stream, const std::string& context = "backup-1",
                                       const std::string& key = kKey) {
  StreamOpener opener(key, context, stream.header);
  std::string text;
  for (const std::string& chunk : stream.chunks) {
    EXPECT_FALSE(opener.finished() && &chunk == &stream.chunks.front());
    const absl::StatusOr<std::string> piece = opener.Chunk(chunk);
    if (!piece.ok()) {
      EXPECT_FALSE(opener.finished());
      return piece.status();
    }
    text += *piece;
  }
  if (!opener.finished()) return absl::DataLossError("cut");
  return text;
}

TEST(SealStream, OpensWhatWasSealed) {
  const std::string full(kStreamChunkBytes, 'f');
  EXPECT_EQ(*OpenStream(SealStream({full, full, "rest"})), full + full + "rest");
  EXPECT_EQ(*OpenStream(SealStream({full, ""})), full);
  EXPECT_EQ(*OpenStream(SealStream({""})), "");
}

TEST(SealStream, SizesAreWhatTheHeaderSays) {
  const Stream stream = SealStream({std::string(100, 'a'), ""});
  EXPECT_EQ(stream.header.size(), kStreamHeaderBytes);
  EXPECT_EQ(stream.chunks[0].size(), 100 + kStreamChunkOverhead);
  EXPECT_EQ(stream.chunks[1].size(), kStreamChunkOverhead);
}

TEST(SealStream, AnyFlippedBitIsFound) {
  const Stream stream = SealStream({"first", "second", "third"});
  for (size_t bit = 0; bit < stream.header.size() * 8; ++bit) {
    Stream changed = stream;
    changed.header[bit / 8] = static_cast<char>(changed.header[bit / 8] ^ (1 << (bit % 8)));
    ExpectDataLoss(OpenStream(changed), "header");
  }
  for (size_t chunk = 0; chunk < stream.chunks.size(); ++chunk) {
    for (size_t bit = 0; bit < stream.chunks[chunk].size() * 8; ++bit) {
      Stream changed = stream;
      changed.chunks[chunk][bit / 8] = static_cast<char>(changed.chunks[chunk][bit / 8] ^ (1 << (bit % 8)));
      ExpectDataLoss(OpenStream(changed), std::to_string(chunk));
    }
  }
}

TEST(SealStream, AnyDroppedSwappedOrRepeatedChunkIsFound) {
  const Stream stream = SealStream({"aaaa", "bbbb", "cccc", "dddd"});
  for (size_t i = 0; i < stream.chunks.size(); ++i) {
    Stream dropped = stream;
    dropped.chunks.erase(dropped.chunks.begin() + static_cast<long>(i));
    ExpectDataLoss(OpenStream(dropped), "dropped");
    Stream repeated = stream;
    repeated.chunks.insert(repeated.chunks.begin() + static_cast<long>(i), stream.chunks[i]);
    ExpectDataLoss(OpenStream(repeated), "repeated");
    for (size_t j = 0; j < i; ++j) {
      Stream swapped = stream;
      std::swap(swapped.chunks[i], swapped.chunks[j]);
      ExpectDataLoss(OpenStream(swapped), "swapped");
    }
  }
}

TEST(SealStream, AnyCutIsFound) {
  const Stream stream = SealStream({"aaaa", "bbbb", "cccc"});
  for (size_t count = 0; count < stream.chunks.size(); ++count) {
    Stream cut = stream;
    cut.chunks.resize(count);
    ExpectDataLoss(OpenStream(cut), std::to_string(count));
    for (size_t size = 0; size < stream.chunks[count].size(); ++size) {
      Stream torn = cut;
      torn.chunks.push_back(stream.chunks[count].substr(0, size));
      ExpectDataLoss(OpenStream(torn), std::to_string(size));
    }
  }
}

TEST(SealStream, ChunksOfAnotherStreamWithTheSameKeyAreRefused) {
  const Stream a = SealStream({"aaaa", "bbbb"});
  const Stream b = SealStream({"aaaa", "bbbb"});
  ExpectDataLoss(OpenStream({a.header, {a.chunks[0], b.chunks[1]}}), "spliced");
  ExpectDataLoss(OpenStream({b.header, a.chunks}), "header");
}

TEST(SealStream, AnotherKeyOrContextDoesNotOpen) {
  const Stream stream = SealStream({"aaaa"});
  ExpectDataLoss(OpenStream(stream, "backup-2"), "context");
  ExpectDataLoss(OpenStream(stream, "backup-1", kOtherKey), "key");
}

TEST(SealStream, DataAfterTheEndIsRefusedAndUnfinishes) {
  const Stream stream = SealStream({"aaaa"});
  StreamOpener opener(kKey, "backup-1", stream.header);
  EXPECT_TRUE(opener.Chunk(stream.chunks[0]).ok());
  EXPECT_TRUE(opener.finished());
  ExpectDataLoss(opener.Chunk(stream.chunks[0]), "after the end");
  EXPECT_FALSE(opener.finished());
}

TEST(SealStream, ABrokenStreamStaysBroken) {
  const Stream stream = SealStream({"aaaa", "bbbb"});
  StreamOpener opener(kKey, "backup-1", stream.header);
  ExpectDataLoss(opener.Chunk(stream.chunks[1]), "out of order");
  ExpectDataLoss(opener.Chunk(stream.chunks[0]), "too late");
}

TEST(SealStream, AHeaderOfTheWrongLengthIsDataLoss) {
  const Stream stream = SealStream({"aaaa"});
  ExpectDataLoss(OpenStream({"", stream.chunks}), "empty");
  ExpectDataLoss(OpenStream({stream.header + "x", stream.chunks}), "long");
}

TEST(SealStream, AnOversizeChunkIsDataLoss) {
  const Stream stream = SealStream({"aaaa"});
  ExpectDataLoss(
      OpenStream({stream.header, {std::string(kStreamChunkBytes + kStreamChunkOverhead + 1, 'x')}}), "big");
}

}  // namespace
}  // namespace croft::crypto
