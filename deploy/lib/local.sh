# shellcheck shell=bash
# A control plane and its agents on this machine, all under one folder. To be sourced after say.sh.
#
# The folder:
#   settings      which programs, ports and how many agents; written once by local_create
#   env           for people to source: PATH and the CROFT_* variables of croftctl
#   croftd/       state of the control plane
#   agents/hN/    state of an agent and its PostgreSQL (a link where PostgreSQL's user could not enter)
#   backups/      the store that all agents share
#   log/, run/    a log and a pid file for each daemon
#
# Functions print nothing when they succeed and end the script with a sentence when they do not.

# --- the folder -------------------------------------------------------------------------------------------

# local_create STATE BIN AGENTS PORT CLIENT_PROGRAMS [CONNINFO_FILE...]: lays the folder out and makes the control plane's
# keys. PORT may be empty: then a free one is found; so may CLIENT_PROGRAMS: then agents look where Debian has them. With
# conninfo files, one for each agent, the agents are for PostgreSQL services that exist. Nothing is started.
local_create() {
  local state=$1 bin=$2 agents=$3 port=$4 client_programs=$5 postgres_ports=() metrics_port agents_dir name
  shift 5
  mkdir -p -m 0711 "$state"
  mkdir -p -m 0755 "$state/log" "$state/run"
  mkdir -p -m 0700 "$state/backups"
  agents_dir=$(local_make_agents_dir "$state")
  if [ -z "$port" ]; then port=$(first_free_port 7443); fi
  metrics_port=$(free_ports 7444 1 "$port")
  if [ $# -eq 0 ]; then mapfile -t postgres_ports < <(free_ports 7500 "$agents" "$port" "$metrics_port"); fi
  [ $# -gt 0 ] || [ ${#postgres_ports[@]} -eq "$agents" ] || die "there are not $agents free ports between 7500 and 8500 for PostgreSQL."
  "$bin/croftd" init --config /dev/null --state "$state/croftd" >>"$state/log/croftd.log" 2>&1 ||
    local_die_with_log croftd "croftd init failed."
  {
    printf 'LOCAL_BIN=%q\n' "$bin"
    printf 'LOCAL_PORT=%q\n' "$port"
    printf 'LOCAL_METRICS_PORT=%q\n' "$metrics_port"
    printf 'LOCAL_AGENTS=%q\n' "$agents"
    printf 'LOCAL_AGENTS_DIR=%q\n' "$agents_dir"
    printf 'LOCAL_POSTGRES_PORTS=(%s)\n' "${postgres_ports[*]}"
    printf 'LOCAL_CONNINFO_FILES=(%s)\n' "${*@Q}"
    printf 'LOCAL_CLIENT_PROGRAMS=%q\n' "$client_programs"
  } >"$state/settings.new"
  {
    printf '# Source this to use croftctl with the control plane in this folder.\n'
    printf 'export PATH=%q:"$PATH"\n' "$bin"
    printf 'export CROFT_SERVER=%q\n' "127.0.0.1:$port"
    if [ -n "$metrics_port" ]; then printf 'export CROFT_METRICS_URL=%q\n' "http://127.0.0.1:$metrics_port/metrics"; fi
    for name in CA:ca.crt CERT:admin.crt KEY:admin.key; do
      printf 'export CROFT_%s=%q\n' "${name%%:*}" "$state/croftd/tls/${name#*:}"
    done
  } >"$state/env"
  mv "$state/settings.new" "$state/settings"
  local_load "$state"
}

local_exists() { [ -e "$1/settings" ]; }

# local_load STATE: sets LOCAL_* and the environment that croftctl reads.
local_load() {
  local_exists "$1" || die "there is no control plane in $1; deploy/quickstart makes one."
  LOCAL_STATE=$1 LOCAL_METRICS_PORT="" LOCAL_CONNINFO_FILES=() LOCAL_CLIENT_PROGRAMS=
  # shellcheck source=/dev/null
  . "$1/settings"
  # shellcheck source=/dev/null
  . "$1/env"
}

# Prints the folder for the agents' state. PostgreSQL refuses to run as root, so root's servers run as the
# user postgres, who must be able to enter it; a clone under a home of mode 0700 keeps it out.
local_make_agents_dir() {
  local state=$1 elsewhere
  mkdir -p -m 0711 "$state/agents"
  if [ "$(id -u)" -ne 0 ] || runuser -u postgres -- test -x "$state/agents"; then
    realpath "$state/agents"
    return
  fi
  elsewhere=/var/lib/croft-quickstart/$(realpath "$state" | sha256sum | cut -c1-12)
  mkdir -p -m 0711 "$elsewhere"
  rmdir "$state/agents"
  ln -sfn "$elsewhere" "$state/agents"
  say >&2
  say "The user postgres cannot enter $state, so the servers' data goes to $elsewhere" >&2
  printf '%s\n' "$elsewhere"
}

# local_destroy STATE: removes what local_create and the daemons made. Everything must be stopped.
local_destroy() {
  local elsewhere
  if [ -L "$1/agents" ]; then
    elsewhere=$(readlink "$1/agents")
    rm -rf "$elsewhere"
    rmdir --ignore-fail-on-non-empty "$(dirname "$elsewhere")"
  fi
  rm -rf "$1"
}

# --- daemons ----------------------------------------------------------------------------------------------

local_host_names() { seq -f 'h%.0f' 1 "$LOCAL_AGENTS"; }
local_names() { echo croftd; local_host_names; }

# Whether daemon NAME of the folder STATE runs. The pid file also holds the process's start time, so that
# another process that got the same number later is never taken for ours.
local_running() {
  local pid started
  { read -r pid started <"$1/run/$2.pid"; } 2>/dev/null || return 1
  [ "$(process_start_time "$pid")" = "$started" ]
}

local_any_running() {
  local file
  for file in "$1"/run/*.pid; do
    [ -e "$file" ] || continue
    ! local_running "$1" "$(basename "$file" .pid)" || return 0
  done
  return 1
}

# Nothing for a process that has ended, also when nobody has collected it yet.
process_start_time() { { sed 's/.*) //' "/proc/$1/stat" | awk '$1 !~ /[ZX]/ { print $20 }'; } 2>/dev/null || true; }

# local_start NAME...: starts daemons that do not run, in the order given, and waits until they serve. croftd,
# where it is to be started, comes first.
local_start() {
  local name
  for name; do
    if local_running "$LOCAL_STATE" "$name"; then
      continue
    elif [ "$name" = croftd ]; then
      start_control_plane
      wait_for_control_plane
    else
      start_agent "$name"
    fi
  done
  for name; do
    [ "$name" = croftd ] || wait_for_host "$name"
  done
}

# local_stop NAME...: asks daemons to end and waits for it. The agents' PostgreSQL servers go on.
local_stop() {
  local name pid
  for name; do
    local_running "$LOCAL_STATE" "$name" || continue
    read -r pid _ <"$LOCAL_STATE/run/$name.pid"
    kill -TERM "$pid"
    if ! wait_until 30 not local_running "$LOCAL_STATE" "$name"; then
      say "$name did not end within 30 seconds of SIGTERM and is killed; see $LOCAL_STATE/log/$name.log" >&2
      kill -KILL "$pid"
      wait_until 10 not local_running "$LOCAL_STATE" "$name" || die "$name (process $pid) cannot be ended."
    fi
    rm -f "$LOCAL_STATE/run/$name.pid"
  done
}

# local_where_postgres_is: a few words for people.
local_where_postgres_is() {
  if [ ${#LOCAL_CONNINFO_FILES[@]} -gt 0 ]; then echo "as it is"; else echo "on port $(IFS=,; echo "${LOCAL_POSTGRES_PORTS[*]}")"; fi
}

# local_stop_servers: ends the agents' PostgreSQL servers; those that somebody else keeps go on.
local_stop_servers() {
  local name
  [ ${#LOCAL_CONNINFO_FILES[@]} -eq 0 ] || return 0
  for name in $(local_host_names); do
    [ -d "$LOCAL_AGENTS_DIR/$name" ] || continue
    "$LOCAL_BIN/croft-agent" stop-postgres --config /dev/null --state "$LOCAL_AGENTS_DIR/$name" >>"$LOCAL_STATE/log/$name.log" 2>&1 ||
      local_die_with_log "$name" "the PostgreSQL server of $name did not stop."
  done
}

# local_superuser HOST SQL: runs SQL on HOST's PostgreSQL past all of Croft, over its local socket, as its superuser. On a
# service that somebody else keeps there is only the agent's role.
local_superuser() {
  local data
  if [ ${#LOCAL_CONNINFO_FILES[@]} -gt 0 ]; then
    local_as_agent "$@"
    return
  fi
  data=$(dirname "$(find "$LOCAL_AGENTS_DIR/$1/" -name postmaster.pid)")
  psql -X -q -A -t -v ON_ERROR_STOP=1 -U croft -d postgres -c "$2" \
    -h "$(sed -n 5p "$data/postmaster.pid")" -p "$(sed -n 4p "$data/postmaster.pid")"
}

# local_as_agent HOST SQL. The password goes by a file, not by an argument.
local_as_agent() {
  local number=${1#h} service=$LOCAL_STATE/run/$1.service
  (umask 077 && { echo '[croft]'; tr -s ' ' '\n' <"${LOCAL_CONNINFO_FILES[number - 1]}"; } >"$service")
  PGSERVICEFILE=$service psql -X -q -A -t -v ON_ERROR_STOP=1 -d "service=croft dbname=postgres" -c "$2"
  rm -f "$service"
}

start_control_plane() {
  port_is_free "$LOCAL_PORT" || die "port $LOCAL_PORT is in use by another program; choose one with --port."
  log_from=$(stat -c %s "$LOCAL_STATE/log/croftd.log")
  daemonise croftd "$LOCAL_BIN/croftd" serve --config /dev/null --log-format text --state "$LOCAL_STATE/croftd" \
    --listen "127.0.0.1:$LOCAL_PORT" --metrics-listen "${LOCAL_METRICS_PORT:+127.0.0.1:}${LOCAL_METRICS_PORT:-off}"
}

wait_for_control_plane() {
  wait_until 60 control_plane_is_ready_or_ended
  local_running "$LOCAL_STATE" croftd || local_die_with_log croftd "croftd ended as it started."
  control_plane_is_ready || local_die_with_log croftd "croftd was not ready within 60 seconds."
}

# The log may hold earlier starts; this one's lines come after its first `log_from` bytes.
control_plane_is_ready() { tail -c "+$((log_from + 1))" "$LOCAL_STATE/log/croftd.log" | grep -qF ' croftd ready '; }
control_plane_is_ready_or_ended() { ! local_running "$LOCAL_STATE" croftd || control_plane_is_ready; }

start_agent() {
  local name=$1 number=${1#h} state=$LOCAL_AGENTS_DIR/$1 token_file=$LOCAL_STATE/run/$1.token join=() server=()
  if [ ${#LOCAL_CONNINFO_FILES[@]} -gt 0 ]; then
    server=(--mode external --conninfo-file "${LOCAL_CONNINFO_FILES[number - 1]}")
  else
    server=(--mode managed --listen 127.0.0.1 --port "${LOCAL_POSTGRES_PORTS[number - 1]}")
  fi
  if [ -n "$LOCAL_CLIENT_PROGRAMS" ]; then server+=(--client-programs "$LOCAL_CLIENT_PROGRAMS"); fi
  if [ ! -e "$LOCAL_STATE/run/$name.joined" ]; then
    rm -f "$token_file"
    "$LOCAL_BIN/croftctl" --quiet host create-join-token "$name" --out "$token_file" ||
      die "no join token could be made for host $name."
    join=(--join-token-file "$token_file")
  fi
  daemonise "$name" "$LOCAL_BIN/croft-agent" --config /dev/null --log-format text --state "$state" --server "127.0.0.1:$LOCAL_PORT" "${join[@]}" \
    --store "file://$(realpath "$LOCAL_STATE")/backups" "${server[@]}"
}

wait_for_host() {
  wait_until 90 host_is_up_or_agent_ended "$1"
  local_running "$LOCAL_STATE" "$1" || local_die_with_log "$1" "the agent of host $1 ended as it started."
  host_is_up "$1" || local_die_with_log "$1" "host $1 was not up within 90 seconds."
  if [ -e "$LOCAL_STATE/run/$1.token" ]; then
    touch "$LOCAL_STATE/run/$1.joined"
    rm -f "$LOCAL_STATE/run/$1.token"
  fi
}

# Its agent is connected and its PostgreSQL answers.
host_is_up() {
  "$LOCAL_BIN/croftctl" host list -o json 2>/dev/null |
    jq -e --arg name "hosts/$1" '.hosts[]? | select(.name == $name) | .state == "STATE_UP" and .postgresUp' >/dev/null
}
host_is_up_or_agent_ended() { ! local_running "$LOCAL_STATE" "$1" || host_is_up "$1"; }

# daemonise NAME COMMAND...: runs it in a session of its own, with a log and a pid file. It keeps neither locks (8, 9) nor the
# caller's output that a step of the tour put aside (5, 6): who reads that to its end would wait for the daemon.
daemonise() {
  local name=$1 pid
  shift
  setsid "$@" </dev/null >>"$LOCAL_STATE/log/$name.log" 2>&1 5>&- 6>&- 8>&- 9>&- &
  pid=$!
  printf '%s %s\n' "$pid" "$(process_start_time "$pid")" >"$LOCAL_STATE/run/$name.pid"
}

local_die_with_log() {
  local file=${LOCAL_STATE:-$state}/log/$1.log
  printf -- '--- the end of %s\n' "$file" >&2
  tail -n 20 "$file" >&2 || true
  printf -- '---\n' >&2
  die "$2"
}

# --- small things -----------------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...: whether COMMAND succeeded in time; asks five times a second.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

not() { ! "$@"; }

# Whether nothing on this machine listens on TCP port $1.
port_is_free() {
  local hex
  hex=$(printf ':%04X' "$1")
  ! awk '$4 == "0A" { print substr($2, length($2) - 4) }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -qxF "$hex"
}

first_free_port() { free_ports "$1" 1 0 | grep . || die "there is no free port between $1 and $(($1 + 1000))."; }

# free_ports FROM COUNT EXCEPT...: prints up to COUNT free ports of the thousand at FROM.
free_ports() {
  local port found=0
  for ((port = $1; port < $1 + 1000 && found < $2; port++)); do
    [[ " ${*:3} " != *" $port "* ]] && port_is_free "$port" || continue
    echo "$port"
    found=$((found + 1))
  done
}
