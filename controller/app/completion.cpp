// Completion scripts. The words are few and change seldom; tests/app compares them with the parser's.

#include <iostream>

#include "controller/app/cli.hpp"

namespace datamesh::app {
namespace {

constexpr const char* kCommands = "up apply get plan lint version completion";
constexpr const char* kKinds =
    "datamesh backends domains dataproducts datacontracts subscriptions approvals policies be dom dp dc sub appr pol";

}  // namespace

int run_completion(const std::string& shell) {
  if (shell == "bash") {
    std::cout << "_datamesh() {\n"
                 "  local current=\"${COMP_WORDS[COMP_CWORD]}\" command=\"${COMP_WORDS[1]}\"\n"
                 "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \""
              << kCommands
              << "\" -- \"$current\")); return; fi\n"
                 "  case \"$command\" in\n"
                 "    get) COMPREPLY=($(compgen -W \""
              << kKinds
              << "\" -- \"$current\"));;\n"
                 "    completion) COMPREPLY=($(compgen -W \"bash zsh fish\" -- \"$current\"));;\n"
                 "    *) COMPREPLY=($(compgen -f -- \"$current\"));;\n"
                 "  esac\n"
                 "}\n"
                 "complete -F _datamesh datamesh\n";
  } else if (shell == "zsh") {
    std::cout << "#compdef datamesh\n"
                 "_datamesh() {\n"
                 "  if (( CURRENT == 2 )); then compadd "
              << kCommands
              << "; return; fi\n"
                 "  case \"${words[2]}\" in\n"
                 "    get) compadd "
              << kKinds
              << ";;\n"
                 "    completion) compadd bash zsh fish;;\n"
                 "    *) _files;;\n"
                 "  esac\n"
                 "}\n"
                 "compdef _datamesh datamesh\n";
  } else {
    std::cout << "complete -c datamesh -n __fish_use_subcommand -f -a '" << kCommands << "'\n"
              << "complete -c datamesh -n '__fish_seen_subcommand_from get' -f -a '" << kKinds << "'\n"
              << "complete -c datamesh -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
  }
  return kDone;
}

}  // namespace datamesh::app
