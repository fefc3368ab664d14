#include "indexer/ops/authorities.hpp"

#include <memory>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "indexer/fetch/curl_handle.hpp"

namespace media::ops {
namespace {

struct Release {
  void operator()(BIO* file) const { BIO_free(file); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};

}  // namespace

std::string system_authorities() {
  const fetch::CurlEasy easy(curl_easy_init());
  const char* path = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_CAINFO, &path);
  return path == nullptr ? "" : path;
}

Result<Authorities> read_authorities(const std::string& path) {
  const std::unique_ptr<BIO, Release> file(BIO_new_file(path.c_str(), "r"));
  if (file == nullptr) {
    ERR_clear_error();
    return fail(ErrorCode::storage, "can't read " + path);
  }
  Authorities found;
  for (;;) {
    const std::unique_ptr<X509, Release> certificate(
        PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    const bool is_over = X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0;
    ++(is_over ? found.expired : found.usable);
  }
  ERR_clear_error();  // the end of the file is one
  return found;
}

}  // namespace media::ops
