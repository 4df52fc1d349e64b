/**
 * The scripts that `--completions` prints. They get all candidates from the program; see
 * `complete.ts`.
 */
import { completionMarker as marker } from "./markers.ts"

// Bash splits a word at `=` and `@`. The program needs the whole word, and bash needs only its end.
const bash = `# Completion of codex-plugins for bash 3.2 and newer. To install it for your user:
#   codex-plugins --completions bash > ~/.local/share/bash-completion/completions/codex-plugins
_codex_plugins() {
  local line="\${COMP_LINE:0:COMP_POINT}" piece i j=0 cur kept kind output value
  local -a given=("\${COMP_WORDS[0]}")
  line="\${line#*"\${COMP_WORDS[0]}"}"
  for ((i = 1; i <= COMP_CWORD; i++)); do
    piece="\${COMP_WORDS[i]}"
    if [[ "$line" == [[:blank:]]* || -z "$line" ]]; then
      j=$((j + 1))
      given[j]=""
    fi
    if ((i == COMP_CWORD)); then piece="\${line#"\${line%%[![:blank:]]*}"}"; fi
    line="\${line#*"$piece"}"
    given[j]="\${given[j]}$piece"
  done
  cur="\${given[j]}"
  kept="\${cur%"$2"}"
  COMPREPLY=()
  output="$("$1" ${marker} -- "\${given[@]:1}" 2>/dev/null)" || return
  kind="\${output##*$'\\n'}"
  case "$kind" in
    :folders)
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -d -- "$2")
      return
      ;;
    :command)
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -c -f -- "$2")
      return
      ;;
  esac
  while IFS=$'\\t' read -r value _; do
    [[ "$value" == :* ]] || COMPREPLY+=("\${value#"$kept"}")
  done <<< "$output"
}
complete -F _codex_plugins codex-plugins`

const zsh = `#compdef codex-plugins
# Completion of codex-plugins for zsh. To install it, write it into a folder of your $fpath:
#   codex-plugins --completions zsh > "\${fpath[1]}/_codex-plugins"
_codex_plugins() {
  local -a lines candidates
  local line kind
  lines=("\${(@f)$("\${(Q)words[1]}" ${marker} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  kind="$lines[-1]"
  lines[-1]=()
  case "$kind" in
    :folders)
      compset -P '*='
      _path_files -/
      return
      ;;
    :command)
      shift "\${words[(i)--]}" words
      ((CURRENT -= \${1:-0}))
      _command_names -e || _files
      return
      ;;
  esac
  for line in "$lines[@]"; do
    candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe -V 'codex-plugins' candidates
}
if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then
  _codex_plugins "$@"
else
  compdef _codex_plugins codex-plugins
fi`

const fish = `# Completion of codex-plugins for fish. To install it for your user:
#   codex-plugins --completions fish > ~/.config/fish/completions/codex-plugins.fish
function __codex_plugins_complete
    set -l given (commandline -opc)
    set -l current (commandline -ct)
    set -l program $given[1]
    set -e given[1]
    set -l lines ($program ${marker} -- $given "$current" 2>/dev/null)
    switch "$lines[-1]"
        case ':folders'
            __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$current")
        case ':command'
            __fish_complete_command
        case '*'
            printf '%s\\n' $lines | string match -v ':*'
    end
end
complete -c codex-plugins -f -a '(__codex_plugins_complete)'`

/** The scripts by shell. */
export const scripts = { bash, zsh, fish } as const
