// bide/net: the names in certificates as text.
#pragma once

#include <string>

struct X509_name_st;

namespace bide::detail {

// As in "CN=example.org, O=Example".
std::string tls_name_text(const X509_name_st* name);

}  // namespace bide::detail
