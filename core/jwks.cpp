#include <algorithm>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "core/json_object.hpp"
#include "core/jws_algorithm.hpp"
#include "core/jws_key.hpp"

namespace media {
namespace {

struct Free {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free>;
using Number = std::unique_ptr<BIGNUM, Free>;
using PublicKey = std::shared_ptr<evp_pkey_st>;

constexpr std::size_t kMaxMemberBytes = 2048;  // an RSA modulus of 16384 bits

std::optional<Bytes> binary_member(const json_t* jwk, const char* name) {
  const auto text = string_member(jwk, name);
  if (!text || text->empty() || text->size() > kMaxMemberBytes * 4 / 3) return std::nullopt;
  return base64_decode(*text, Base64Alphabet::url, Base64Padding::none);
}

PublicKey build(const char* type, const Builder& builder) {
  const std::unique_ptr<OSSL_PARAM, Free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1) {
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
  }
  ERR_clear_error();
  return key == nullptr ? nullptr : PublicKey(key, EVP_PKEY_free);
}

PublicKey read_rsa(const json_t* jwk) {
  const auto modulus = binary_member(jwk, "n");
  const auto exponent = binary_member(jwk, "e");
  if (!modulus || !exponent) return nullptr;
  const Number n(BN_bin2bn(modulus->data(), static_cast<int>(modulus->size()), nullptr));
  const Number e(BN_bin2bn(exponent->data(), static_cast<int>(exponent->size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!BN_is_odd(e.get()) || BN_is_one(e.get()) || BN_num_bits(e.get()) > 64) return nullptr;
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return build("RSA", builder);
}

/// OpenSSL's group name and the size of one coordinate.
std::pair<const char*, std::size_t> find_curve(std::string_view name) {
  if (name == "P-256") return {"prime256v1", 32};
  if (name == "P-384") return {"secp384r1", 48};
  if (name == "P-521") return {"secp521r1", 66};
  return {nullptr, 0};
}

PublicKey read_ec(const json_t* jwk) {
  const auto [group, size] = find_curve(string_member(jwk, "crv").value_or(""));
  const auto x = binary_member(jwk, "x");
  const auto y = binary_member(jwk, "y");
  if (group == nullptr || !x || !y || x->size() != size || y->size() != size) return nullptr;
  Bytes point{0x04};  // uncompressed, SEC 1 section 2.3.3
  point.insert(point.end(), x->begin(), x->end());
  point.insert(point.end(), y->begin(), y->end());
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return build("EC", builder);
}

PublicKey read_ed25519(const json_t* jwk) {
  const auto x = binary_member(jwk, "x");
  if (string_member(jwk, "crv") != "Ed25519" || !x || x->size() != 32) return nullptr;
  EVP_PKEY* const key =
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x->data(), x->size());
  return key == nullptr ? nullptr : PublicKey(key, EVP_PKEY_free);
}

/// RFC 7517 sections 4.2 and 4.3: meant for verifying signatures, as far as it says.
bool is_for_verifying(const json_t* jwk) {
  if (json_object_get(jwk, "use") != nullptr && string_member(jwk, "use") != "sig") return false;
  const json_t* const operations = json_object_get(jwk, "key_ops");
  if (operations == nullptr) return true;
  for (std::size_t i = 0; i < json_array_size(operations); ++i) {
    const char* const operation = json_string_value(json_array_get(operations, i));
    if (operation != nullptr && std::string_view(operation) == "verify") return true;
  }
  return false;
}

}  // namespace

/// Makes keys of JWKs; a friend of JwsKey.
class JwkReader {
 public:
  /// Nothing for a key of an unknown type or algorithm.
  static std::optional<Result<JwsKey>> read(const json_t* jwk) {
    const auto type = string_member(jwk, "kty").value_or("");
    std::vector<JwsAlgorithm> pinned;
    if (const auto name = string_member(jwk, "alg")) {
      const auto algorithm = parse_jws_algorithm(*name);
      if (!algorithm) return std::nullopt;
      pinned.push_back(*algorithm);
    }
    std::string key_id(string_member(jwk, "kid").value_or(""));
    if (type == "oct") return read_secret(jwk, std::move(pinned), std::move(key_id));
    PublicKey key;
    if (type == "RSA") {
      key = read_rsa(jwk);
    } else if (type == "EC") {
      key = read_ec(jwk);
    } else if (type == "OKP") {
      key = read_ed25519(jwk);
    } else {
      return std::nullopt;
    }
    if (!key) return fail(ErrorCode::invalid_argument, "members of the key are missing or broken");
    return JwsKey::from_public_key(std::move(key), std::move(pinned), std::move(key_id));
  }

 private:
  static Result<JwsKey> read_secret(const json_t* jwk, std::vector<JwsAlgorithm> pinned,
                                    std::string key_id) {
    const auto secret = binary_member(jwk, "k");
    if (!secret) return fail(ErrorCode::invalid_argument, "member \"k\" is missing or broken");
    return JwsKey::from_secret(*secret, std::move(pinned), std::move(key_id));
  }
};

Result<JwsKeySet> parse_jwks(std::string_view text) {
  if (text.size() > kMaxJwksSize) return fail(ErrorCode::invalid_argument, "JWK set is too large");
  const Json root = parse_json_object(text);
  if (!root) return fail(ErrorCode::invalid_argument, "JWK set is not a JSON object");
  const json_t* const keys = json_object_get(root.get(), "keys");
  const bool is_single = keys == nullptr;
  if (!is_single && !json_is_array(keys)) {
    return fail(ErrorCode::invalid_argument, "\"keys\" of the JWK set is not an array");
  }
  const std::size_t count = is_single ? 1 : json_array_size(keys);
  if (count > kMaxJwksKeys) return fail(ErrorCode::invalid_argument, "JWK set has over 64 keys");
  JwsKeySet set;
  for (std::size_t i = 0; i < count; ++i) {
    const json_t* const jwk = is_single ? root.get() : json_array_get(keys, i);
    if (!json_is_object(jwk) || !is_for_verifying(jwk)) continue;
    auto key = JwkReader::read(jwk);
    if (!key) continue;
    if (!*key) {
      return std::unexpected(
          std::move(key->error()).context("key " + std::to_string(i + 1) + " of the JWK set"));
    }
    set.push_back(std::move(**key));
  }
  if (set.empty()) return fail(ErrorCode::invalid_argument, "JWK set has no usable key");
  return set;
}

}  // namespace media
