// bide/tests: certificates for TLS, made anew by every test program in a folder that goes with it.
#pragma once

#include <bide/tls.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace bide_test {

/// "ca" vouches for "server" (localhost, 127.0.0.1, ::1), "other" (other.example), "client", "expired" and "revoked"
/// (in crl.pem); "self" is its own; locked.key is the server's key with the password "secret".
class certificates {
public:
    static const certificates& get() {
        static const certificates the;
        return the;
    }

    [[nodiscard]] std::string file(const std::string& name) const { return (folder_ / name).string(); }

    [[nodiscard]] bide::tls_context server(const std::string& name = "server") const {
        return bide::tls_context::server(file(name + ".pem"), file(name + ".key"));
    }
    [[nodiscard]] bide::tls_context client() const { return bide::tls_context::client(file("ca.pem")); }

private:
    certificates() {
        std::string pattern = (std::filesystem::temp_directory_path() / "bide-tls-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
        folder_ = pattern;
        const std::string command = "cd '" + pattern + "' && { " + script + "} >log 2>&1";
        if (std::system(command.c_str()) != 0) {
            throw std::runtime_error("openssl could not make the certificates: see " + file("log"));
        }
    }
    ~certificates() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    static constexpr const char* script = R"sh(
set -e
key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $key -keyout ca.key -out ca.pem -days 2 -subj "/CN=bide test CA"
leaf() {
    openssl req -x509 -CA ca.pem -CAkey ca.key $key -keyout $1.key -out $1.pem -days 2 -subj "/CN=$1" \
        -addext basicConstraints=critical,CA:FALSE -addext "subjectAltName=$2"
}
leaf server DNS:localhost,IP:127.0.0.1,IP:::1
leaf other DNS:other.example,DNS:*.wild.example
leaf revoked DNS:localhost
leaf client DNS:client.example
openssl req -x509 $key -keyout self.key -out self.pem -days 2 -subj /CN=self -addext subjectAltName=DNS:localhost
cat > ca.cnf <<END
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
policy = any
default_md = sha256
default_crl_days = 2
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost
END
: > index.txt
echo 01 > serial
ca="openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key"
openssl req -new $key -keyout expired.key -out expired.csr -subj /CN=expired
$ca -startdate 20200101000000Z -enddate 20200102000000Z -in expired.csr -out expired.pem -notext
$ca -revoke revoked.pem
$ca -gencrl -out crl.pem
openssl pkey -in server.key -aes256 -passout pass:secret -out locked.key
)sh";

    std::filesystem::path folder_;
};

}  // namespace bide_test
