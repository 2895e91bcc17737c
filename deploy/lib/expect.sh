# shellcheck shell=bash
# Steps that are timed, and checks that end the script with what was seen. To be sourced after say.sh.
#
# `work` is a folder for whatever the steps need; it is gone when the script ends.

work=$(mktemp -d)
in_step=no
trap 'leave $?' EXIT

# step TITLE COMMAND...: runs COMMAND, whose output is shown only when it fails, and prints a line.
step() {
  local title=$1 from=$EPOCHREALTIME
  shift
  printf '  %-52s ' "$title"
  exec 5>&1 6>&2 >"$work/step.log" 2>&1
  in_step=yes
  trap 'printf "this command failed: %s\n" "$BASH_COMMAND" >&2' ERR
  set -E
  "$@"
  set +E
  trap - ERR
  in_step=no
  exec 1>&5 2>&6 5>&- 6>&-
  printf '%6s s\n' "$(seconds_since "$from")"
}

# Whatever ends the script inside a step shows what the step had printed.
leave() {
  if [ "$in_step" = yes ]; then
    exec 1>&5 2>&6
    printf 'FAILED\n'
    sed 's/^/    | /' "$work/step.log" >&2
  fi
  rm -rf "$work"
  exit "$1"
}

fail() { die "$*"; }

# expect WANTED WHAT COMMAND...: COMMAND must succeed and print WANTED.
expect() {
  local wanted=$1 what=$2 seen status=0
  shift 2
  seen=$("$@") || status=$?
  [ "$status" -eq 0 ] || fail "$what: '$*' failed with status $status"
  [ "$seen" = "$wanted" ] || fail "$what: expected '$wanted', saw '$seen'"
}

# expect_other UNWANTED WHAT COMMAND...: COMMAND must succeed and print something else.
expect_other() {
  local unwanted=$1 what=$2 seen status=0
  shift 2
  seen=$("$@") || status=$?
  [ "$status" -eq 0 ] && [ -n "$seen" ] || fail "$what: '$*' failed with status $status"
  [ "$seen" != "$unwanted" ] || fail "$what: saw '$seen'"
}

# expect_json WANTED WHAT FILTER COMMAND...: COMMAND must print JSON in which the jq filter finds WANTED.
expect_json() {
  local wanted=$1 what=$2 filter=$3 json seen
  shift 3
  json=$("$@") || fail "$what: '$*' failed"
  seen=$(jq -er "$filter" <<<"$json") || seen=nothing
  [ "$seen" = "$wanted" ] || fail "$what: expected '$wanted', saw '$seen' in $json"
}

# expect_error STATUS REASON COMMAND...: COMMAND must fail with this exit status and name this reason.
expect_error() {
  local wanted=$1 reason=$2 output status=0
  shift 2
  output=$("$@" 2>&1) || status=$?
  [ "$status" -eq "$wanted" ] || fail "'$*' ended with $status instead of $wanted: $output"
  [[ $output == *"$reason"* ]] || fail "'$*' does not say $reason: $output"
}

# expect_refused WHAT COMMAND...: a connection that PostgreSQL itself must turn away.
expect_refused() { expect_refused_saying 'FATAL:' "$@"; }

expect_refused_saying() {
  local sentence=$1 what=$2 output status=0
  shift 2
  output=$("$@" 2>&1) || status=$?
  [ "$status" -ne 0 ] || fail "$what: was let in"
  [[ $output == *"$sentence"* ]] || fail "$what: PostgreSQL did not say '$sentence' but: $output"
}
