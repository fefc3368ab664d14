#include "core/jwe.hpp"

#include <array>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "core/crypto.hpp"
#include "core/token_object.hpp"

namespace media {
namespace {

constexpr std::size_t kMaxTokenSize = 32768;  // chunked cookies
constexpr std::size_t kMacSize = 32;

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free>;

Bytes hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info,
                  std::size_t size) {
  const std::unique_ptr<EVP_KDF, Free> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const std::unique_ptr<EVP_KDF_CTX, Free> context(EVP_KDF_CTX_new(kdf.get()));
  const auto octets = [](const char* name, std::string_view text) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(text.data()), text.size());
  };
  std::array<char, 7> digest{"SHA256"};
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_SALT, salt),
      octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  Bytes key(size);
  if (EVP_KDF_derive(context.get(), key.data(), key.size(), parameters) != 1) key.clear();
  return key;
}

/// The parts of a compact JWE; with `dir` the encrypted key is empty.
struct Parts {
  std::string_view header;
  Bytes iv;
  Bytes ciphertext;
  Bytes tag;
};

std::optional<Bytes> decode(std::string_view text) {
  return base64_decode(text, Base64Alphabet::url, Base64Padding::none);
}

std::optional<Parts> split(std::string_view token) {
  std::array<std::string_view, 5> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t dot = token.find('.');
    const bool is_last = i + 1 == fields.size();
    if (is_last != (dot == std::string_view::npos)) return std::nullopt;
    fields[i] = token.substr(0, dot);
    token.remove_prefix(is_last ? token.size() : dot + 1);
  }
  auto iv = decode(fields[2]);
  auto ciphertext = decode(fields[3]);
  auto tag = decode(fields[4]);
  if (!fields[1].empty() || !iv || !ciphertext || !tag) return std::nullopt;
  return Parts{fields[0], std::move(*iv), std::move(*ciphertext), std::move(*tag)};
}

std::optional<std::string> decrypt_gcm(const Parts& parts, ByteView key) {
  if (parts.iv.size() != 12 || parts.tag.size() != 16) return std::nullopt;
  // unseal() reads nonce || ciphertext || tag.
  Bytes sealed = parts.iv;
  sealed.insert(sealed.end(), parts.ciphertext.begin(), parts.ciphertext.end());
  sealed.insert(sealed.end(), parts.tag.begin(), parts.tag.end());
  const auto plain = unseal(key, sealed, as_bytes(parts.header));
  if (!plain) return std::nullopt;
  return std::string(as_text(*plain));
}

/// RFC 7518 section 5.2.2.1: MAC over header || IV || ciphertext || bit length of the header.
bool has_valid_mac(const Parts& parts, ByteView mac_key) {
  Bytes message(parts.header.begin(), parts.header.end());
  message.insert(message.end(), parts.iv.begin(), parts.iv.end());
  message.insert(message.end(), parts.ciphertext.begin(), parts.ciphertext.end());
  const std::uint64_t bits = parts.header.size() * 8;
  for (int shift = 56; shift >= 0; shift -= 8) {
    message.push_back(static_cast<std::uint8_t>(bits >> shift));
  }
  return equal_in_constant_time(parts.tag, ByteView(hmac_sha512(mac_key, message)).first(kMacSize));
}

std::optional<std::string> decrypt_cbc(const Parts& parts, ByteView key) {
  const ByteView mac_key = key.first(kMacSize);
  const ByteView encryption_key = key.subspan(kMacSize);
  if (parts.iv.size() != 16 || !has_valid_mac(parts, mac_key)) return std::nullopt;
  const CipherContext context(EVP_CIPHER_CTX_new());
  std::string plain(parts.ciphertext.size() + 16, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(plain.data());
  int written = 0;
  int last = 0;
  const bool is_complete =
      context &&
      EVP_DecryptInit_ex2(context.get(), EVP_aes_256_cbc(), encryption_key.data(), parts.iv.data(),
                          nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), out, &written, parts.ciphertext.data(),
                        static_cast<int>(parts.ciphertext.size())) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out + written, &last) == 1;
  ERR_clear_error();
  if (!is_complete) return std::nullopt;
  plain.resize(static_cast<std::size_t>(written) + static_cast<std::size_t>(last));
  return plain;
}

}  // namespace

NextAuthKey NextAuthKey::v4(std::string_view secret) {
  return {Encryption::a256gcm, hkdf_sha256(secret, "", "NextAuth.js Generated Encryption Key", 32)};
}

NextAuthKey NextAuthKey::v5(std::string_view secret, std::string_view cookie_name) {
  const std::string info = "Auth.js Generated Encryption Key (" + std::string(cookie_name) + ")";
  return {Encryption::a256cbc_hs512, hkdf_sha256(secret, cookie_name, info, 64)};
}

std::optional<std::string> NextAuthKey::decrypt(std::string_view token) const {
  if (token.size() > kMaxTokenSize || key_.empty()) return std::nullopt;
  const auto parts = split(token);
  if (!parts) return std::nullopt;
  const auto header_bytes = decode(parts->header);
  if (!header_bytes) return std::nullopt;
  const auto header = TokenObject::parse(as_text(*header_bytes));
  const bool is_gcm = encryption_ == Encryption::a256gcm;
  if (!header || header->text("alg") != "dir" ||
      header->text("enc") != (is_gcm ? "A256GCM" : "A256CBC-HS512") || header->has("zip") ||
      header->has("crit")) {
    return std::nullopt;
  }
  return is_gcm ? decrypt_gcm(*parts, key_) : decrypt_cbc(*parts, key_);
}

Result<Identity> verify_next_auth(std::string_view token, const NextAuthKey& key,
                                  const ClaimPolicy& policy, std::int64_t now_unix_seconds) {
  const auto text = key.decrypt(token);
  if (!text) return fail(ErrorCode::unauthorized, "session cookie does not decrypt");
  const auto claims = TokenObject::parse(*text);
  if (!claims) {
    return fail(ErrorCode::invalid_argument, "session cookie does not hold a JSON object");
  }
  return identity_of_claims(*claims, policy, now_unix_seconds);
}

}  // namespace media
