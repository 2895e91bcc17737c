# shellcheck shell=bash
# How Croft's scripts talk. To be sourced; the sourcing script sets PROGRAM to its own name.

say() { printf '%s\n' "$*"; }

# A sentence that ends the script. Says what is wrong and what to do about it.
die() {
  printf '%s: %s\n' "$PROGRAM" "$*" >&2
  exit 1
}

# Wrong use of the script itself.
usage_error() {
  printf '%s: %s\n%s\n' "$PROGRAM" "$*" "Try '$PROGRAM --help'." >&2
  exit 2
}

# Prints the comment block at the head of the file $1 as its help text.
print_help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"; }

# The value of an option: need_value OPTION "$@" where $2 is what follows on the command line.
need_value() { [ $# -ge 2 ] && [ -n "$2" ] || usage_error "$1 needs a value."; }

# Some programs look for a home folder, and services and containers may have none.
ensure_home() {
  [ -n "${HOME:-}" ] && return
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
  [ -d "$HOME" ] || HOME=/
  export HOME
}

# Seconds since $1, a value of EPOCHREALTIME, with one decimal.
seconds_since() {
  local now=$EPOCHREALTIME tenths
  tenths=$(((${now/[.,]/} - ${1/[.,]/}) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}
