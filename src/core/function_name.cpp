// bide/core: the name of a function out of what the compiler calls it.
//
// std::source_location::function_name() is a whole signature, and each compiler has its own way to write lambdas,
// unnamed namespaces and, in GCC, the function that a coroutine's body has become:
//
//   bide::coro<std::vector<T>> (anonymous namespace)::gather_all(std::vector<T>) [T = int]
//   auto main()::(anonymous class)::operator()(int) const
//   void main()::<lambda(int)>::operator()(main()::<lambda(int)>::_ZZ4mainENKUliE_clEi.Frame*)
#include "core/function_name.hpp"

namespace bide::detail {

namespace {

constexpr auto npos = std::string_view::npos;

// The index of the parenthesis that the one at `close` closes.
std::size_t opening(std::string_view text, std::size_t close) {
    int depth = 0;
    for (std::size_t i = close + 1; i-- > 0;) {
        if (text[i] == ')') ++depth;
        if (text[i] == '(' && --depth == 0) return i;
    }
    return npos;
}

std::size_t closing(std::string_view text, std::size_t open) {
    int depth = 0;
    for (std::size_t i = open; i < text.size(); ++i) {
        if (text[i] == '(') ++depth;
        if (text[i] == ')' && --depth == 0) return i;
    }
    return npos;
}

std::string_view without_template_arguments(std::string_view text) {
    if (text.empty() || text.back() != ']') return text;
    const std::size_t at = text.rfind(" [");
    return at == npos ? text : text.substr(0, at);
}

std::string_view without_parameters(std::string_view text) {
    const std::size_t close = text.rfind(')');
    if (close == npos || text.find('>', close) != npos) return text;  // a lambda, in GCC's words
    const std::size_t open = opening(text, close);
    return open == npos || open == 0 ? text : text.substr(0, open);
}

std::string_view without_return_type(std::string_view text) {
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '<' || text[i] == '(') ++depth;
        if (text[i] == '>' || text[i] == ')') --depth;
        if (text[i] == ' ' && depth == 0) begin = i + 1;
    }
    return text.substr(begin);
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != npos; at += with.size())
        text.replace(at, what.size(), with);
}

// "outer(int)::inner" becomes "outer::inner".
void drop_outer_parameters(std::string& text) {
    for (std::size_t open = 0; (open = text.find('(', open)) != npos;) {
        const std::size_t close = closing(text, open);
        if (close == npos) return;
        if (text.compare(close + 1, 2, "::") == 0) {
            text.erase(open, close + 1 - open);
        } else {
            open = close;
        }
    }
}

}  // namespace

std::string short_function_name(std::string_view signature) {
    std::string whole(signature);
    replace_all(whole, " const::", "::");
    std::string name(without_return_type(without_parameters(without_template_arguments(whole))));
    replace_all(name, "(anonymous namespace)::", "");
    replace_all(name, "{anonymous}::", "");
    replace_all(name, "(anonymous class)::operator()", "lambda");
    for (std::size_t at = 0; (at = name.find("<lambda(", at)) != npos;) {
        const std::size_t close = closing(name, at + 7);
        if (close == npos || close + 1 >= name.size()) break;
        name.replace(at, close + 2 - at, "lambda");
    }
    replace_all(name, "lambda::operator()", "lambda");
    drop_outer_parameters(name);
    return name.empty() ? std::string(signature) : name;
}

}  // namespace bide::detail
