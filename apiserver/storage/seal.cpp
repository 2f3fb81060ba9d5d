#include "apiserver/storage/seal.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/core/ids.hpp"

namespace datamesh::apiserver::storage {
namespace {

constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* in(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* out(std::string& text, std::size_t at) {
  return reinterpret_cast<unsigned char*>(text.data() + at);
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

Error failed(const std::string& path) {
  return {Code::Unavailable, path + ": " + std::strerror(errno)};
}

Result<Secret> create_key(const std::string& path) {
  const Secret key(random_bytes(Sealer::key_size));
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());  // of a run that was cut short
  {
    const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return failed(temporary);
    if (::write(file.get(), key.reveal().data(), Sealer::key_size) != static_cast<ssize_t>(Sealer::key_size) ||
        ::fsync(file.get()) != 0)
      return failed(temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed(path);
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const File folder(::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return failed(directory);
  return key;
}

}  // namespace

Result<std::string> Sealer::seal(std::string_view plain, std::string_view bound_to) const {
  const std::string nonce = random_bytes(nonce_size);
  std::string sealed(nonce_size + plain.size() + tag_size, '\0');
  std::memcpy(sealed.data(), nonce.data(), nonce_size);
  const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  int rest = 0;
  const bool good =
      context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, in(key_.reveal()), in(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, in(bound_to), static_cast<int>(bound_to.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), out(sealed, nonce_size), &size, in(plain), static_cast<int>(plain.size())) ==
          1 &&
      EVP_EncryptFinal_ex(context.get(), out(sealed, nonce_size + static_cast<std::size_t>(size)), &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_size, out(sealed, nonce_size + plain.size())) == 1;
  if (!good) return Error{Code::Internal, "cannot encrypt"};
  return sealed;
}

std::optional<std::string> Sealer::open(std::string_view sealed, std::string_view bound_to) const {
  if (sealed.size() < nonce_size + tag_size) return std::nullopt;
  const std::size_t plain_size = sealed.size() - nonce_size - tag_size;
  const auto cipher = sealed.substr(nonce_size, plain_size);
  std::string tag(sealed.substr(nonce_size + plain_size));
  std::string plain(plain_size, '\0');
  const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  int rest = 0;
  const bool good =
      context && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, in(key_.reveal()), in(sealed)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, in(bound_to), static_cast<int>(bound_to.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), out(plain, 0), &size, in(cipher), static_cast<int>(cipher.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_size, out(tag, 0)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), out(plain, static_cast<std::size_t>(size)), &rest) == 1;
  if (!good) return std::nullopt;
  return plain;
}

Result<Secret> load_key(const std::string& path, bool may_create) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (errno != ENOENT) return failed(path);
    if (may_create) return create_key(path);
    return Error{Code::Invalid, path + ": the key is missing, and the database beside it cannot be read without it"};
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failed(path);
  if ((status.st_mode & 077) != 0) return Error{Code::Invalid, path + ": the key may be read by others; chmod 600 it"};
  std::string key(Sealer::key_size + 1, '\0');
  const ssize_t size = ::read(file.get(), key.data(), key.size());
  if (size != static_cast<ssize_t>(Sealer::key_size)) return Error{Code::Invalid, path + ": not a key of 32 bytes"};
  key.resize(Sealer::key_size);
  return Secret(std::move(key));
}

}  // namespace datamesh::apiserver::storage
