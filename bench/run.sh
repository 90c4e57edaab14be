#!/bin/sh
# generator -> peer -> sink on the loopback, several peers in rotation.
# "make bench" runs this with POSTERND and BUILD set; see bench/README.md.

set -u
LC_ALL=C
export LC_ALL

runs=3 seconds=4 idle_wanted=2000
workloads="a b p c d"
peers="direct haproxy postern postern_all"

usage() {
	echo "usage: run.sh [-n runs] [-t seconds] [-w 'a b p c d']" \
	    "[-p 'direct haproxy postern postern_all']" >&2
	exit 2
}

while getopts n:t:w:p: o; do
	case $o in
	n) runs=$OPTARG ;;
	t) seconds=$OPTARG ;;
	w) workloads=$OPTARG ;;
	p) peers=$OPTARG ;;
	*) usage ;;
	esac
done
[ $# -lt "$OPTIND" ] || usage

: "${BUILD:=build}" "${POSTERND:=$BUILD/posternd}" "${HAPROXY:=haproxy}"
tools=$BUILD
[ -x "$BUILD/bench/smtpgen" ] && tools=$BUILD/bench
gen=$tools/smtpgen
sink=$tools/smtpsink
for tool in "$gen" "$sink"; do
	[ -x "$tool" ] || {
		echo "run.sh: no $tool; build the bench tools first" >&2
		exit 1
	}
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/postern-bench.XXXXXX") || exit 1
sink_pid='' peer_pid='' gen_pid=''

stop() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null
	( sleep 10; kill -9 "$1" 2>/dev/null ) >/dev/null 2>&1 &
	watchdog=$!
	wait "$1" 2>/dev/null
	kill "$watchdog" 2>/dev/null
	wait "$watchdog" 2>/dev/null
	return 0
}

cleanup() {
	stop "$gen_pid"
	[ "$peer_pid" = "$sink_pid" ] || stop "$peer_pid"
	stop "$sink_pid"
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# shellcheck disable=SC3045 # POSIX since 2024, and in all our shells
ulimit -n "$(ulimit -H -n)" 2>/dev/null

# --- peers -----------------------------------------------------------------
# To add one: put NAME into "peers" and write two functions.
#	have_NAME	fails and prints why if the peer cannot run here
#	start_NAME	starts it in the foreground as a background job of this
#			shell, listening on 127.0.0.1:$port, delivering to
#			127.0.0.1:$sink_port; files in $dir; sets peer_pid

have_direct() {
	:
}

# The sink itself: what generator and sink cost without anybody between.
start_direct() {
	port=$sink_port
	peer_pid=$sink_pid
}

have_haproxy() {
	command -v "$HAPROXY" >/dev/null || {
		echo "no haproxy"
		return 1
	}
}

start_haproxy() {
	cat >"$dir/haproxy.cfg" <<-END
	global
	    nbthread 1
	    maxconn 8000
	defaults
	    mode tcp
	    timeout connect 5s
	    timeout client 11m
	    timeout server 11m
	frontend in
	    bind 127.0.0.1:$port
	    default_backend out
	backend out
	    server sink 127.0.0.1:$sink_port
	END
	"$HAPROXY" -db -f "$dir/haproxy.cfg" >"$dir/peer.out" 2>&1 &
	peer_pid=$!
}

have_postern() {
	[ -x "$POSTERND" ] || {
		echo "no executable $POSTERND"
		return 1
	}
}

start_postern() {
	serve ''
}

# With all that the operation of it adds: health checks, and the server is told
# by XFORWARD who the client is, for each message.
have_postern_all() {
	have_postern
}

start_postern_all() {
	serve 'identify = xforward  check { interval = 1s }'
}

# serve OPTIONS of the backend
serve() {
	cat >"$dir/postern.conf" <<-END
	hostname = "bench.example.org"
	workers = 2
	log { to = file  path = "$dir/postern.log" }
	limits { per-client = 100000  rate = "1000000/1m" }
	listen in { address = {"127.0.0.1:$port"} }
	backend sink {
	    protocol = smtp
	    server one { address = "127.0.0.1:$sink_port" }
	    pool { max = 64  idle = 64 }
	    $1
	}
	route all { backend = sink  open-relay = yes }
	END
	"$POSTERND" -d -f "$dir/postern.conf" >"$dir/peer.out" 2>&1 &
	peer_pid=$!
}

# --- measuring -------------------------------------------------------------

# The process and its descendants.
family() {
	ps -A -o pid= -o ppid= | awk -v root="$1" '
	{ parent[$1] = $2 }
	END {
		for (p in parent)
			for (q = p; q in parent; q = parent[q])
				if (q == root) { print p; break }
	}'
}

# Nanoseconds on a processor: of every thread, and (in clock ticks, as the
# kernel knows no better) of children that have already ended.
cpu_ns() {
	for pid in $(family "$1"); do
		cat "/proc/$pid/task/"*/schedstat 2>/dev/null |
		    sed 's/^/run /'
		sed 's/^.*) /gone /' "/proc/$pid/stat" 2>/dev/null
	done | awk -v hz="$(getconf CLK_TCK)" '
	$1 == "run" { s += $2 }
	$1 == "gone" { s += ($15 + $16) * 1e9 / hz }
	END { printf "%.0f\n", s }'
}

memory_kb() {
	for pid in $(family "$1"); do
		cat "/proc/$pid/smaps_rollup" 2>/dev/null
	done | awk '$1 == "Pss:" { s += $2 } END { print s + 0 }'
}

# value KEY FILE: from the last key=value line
value() {
	sed -n "s/^.* $1=\([0-9.]*\).*\$/\1/p" "$2" | tail -n 1
}

start_sink() {
	rm -f "$dir/port"
	"$sink" --xforward --port-file "$dir/port" 127.0.0.1:0 >"$dir/sink.out" 2>&1 &
	sink_pid=$!
	tries=0
	until [ -s "$dir/port" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || {
			echo "run.sh: the sink does not start" >&2
			exit 1
		}
		sleep 0.1
	done
	sink_port=$(cat "$dir/port")
}

# start_peer NAME: sink and peer; fails if nobody answers within 10 s
start_peer() {
	start_sink
	port=$("$sink" --port-only)
	"start_$1"
	tries=0
	until "$gen" --idle 1 -t 0 --timeout 5 "127.0.0.1:$port" \
	    >/dev/null 2>&1; do
		tries=$((tries + 1))
		if [ "$tries" -ge 100 ] || ! kill -0 "$peer_pid"; then
			echo "run.sh: $1 does not answer:" >&2
			tail -n 5 "$dir/peer.out" >&2
			return 1
		fi
		sleep 0.1
	done 2>/dev/null
}

stop_peer() {
	[ "$peer_pid" = "$sink_pid" ] || stop "$peer_pid"
	stop "$sink_pid"
	peer_pid='' sink_pid=''
}

# Nothing may be wrong anywhere, or the row is worth nothing.
verify() {
	wrong=
	for key in tempfail permfail lost timeout proto failed; do
		[ "$(value $key "$dir/gen.out")" = 0 ] ||
			wrong="$wrong $key=$(value $key "$dir/gen.out")"
	done
	for key in duplicates damaged stray foreign empty lost protocol; do
		[ "$(value $key "$dir/sink.out")" = 0 ] ||
			wrong="$wrong sink-$key=$(value $key "$dir/sink.out")"
	done
	ok=$(value ok "$dir/gen.out")
	for key in messages distinct; do
		[ "$(value $key "$dir/sink.out")" = "$ok" ] ||
			wrong="$wrong acknowledged=$ok sink-$key=$(value \
			    $key "$dir/sink.out")"
	done
	[ "${ok:-0}" -gt 0 ] || wrong="$wrong no-messages"
}

# workload_args NAME: options of the generator
workload_args() {
	case $1 in
	a) echo "-s 4K -m 1 -c 50" ;;
	b) echo "-s 4K -m 100 -c 50" ;;
	p) echo "-s 4K -m 100 -c 50 -p" ;;
	c) echo "-s 1M -m 0 -c 8" ;;
	*) echo "run.sh: unknown workload $1" >&2; exit 2 ;;
	esac
}

# one WORKLOAD PEER: one run; adds a line to the results of the cell
one() {
	if ! start_peer "$2"; then
		stop_peer
		echo "0 0 0 0 BAD" >>"$dir/result.$1.$2"
		return
	fi
	before=$(cpu_ns "$peer_pid")
	# shellcheck disable=SC2046 # several words are meant
	"$gen" $(workload_args "$1") -t "$seconds" --timeout 20 \
	    "127.0.0.1:$port" >"$dir/gen.out" 2>"$dir/gen.err" &
	gen_pid=$!
	wait "$gen_pid"
	gen_pid=
	after=$(cpu_ns "$peer_pid")
	stop_peer
	verify
	[ -z "$wrong" ] || {
		echo "run.sh: BAD $1 $2:$wrong" >&2
		head -n 3 "$dir/gen.err" >&2
	}
	awk -v ns="$((after - before))" -v n="$ok" -v bad="$wrong" \
	    -v rate="$(value rate "$dir/gen.out")" \
	    -v p50="$(value p50_ms "$dir/gen.out")" \
	    -v p99="$(value p99_ms "$dir/gen.out")" \
	    -v links="$(value connections "$dir/sink.out")" 'BEGIN {
		printf("%s %s %s %.5f %s %.5f\n", rate, p50, p99,
		    n > 0 ? ns / 1e6 / n : 0, bad == "" ? "good" : "BAD",
		    n > 0 ? links / n : 0)
	}' >>"$dir/result.$1.$2"
}

# Memory: the same connections for everybody, all of them past EHLO.
idle_run() {
	if ! start_peer "$1"; then
		stop_peer
		echo "0 0 0 0 BAD" >>"$dir/result.d.$1"
		return
	fi
	before=$(memory_kb "$peer_pid")
	: >"$dir/gen.out"
	"$gen" --idle "$idle_count" -t 600 -c 50 "127.0.0.1:$port" \
	    >"$dir/gen.out" 2>"$dir/gen.err" &
	gen_pid=$!
	tries=0
	until grep -q '^idle=' "$dir/gen.out" || [ "$tries" -ge 300 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	sleep 1
	after=$(memory_kb "$peer_pid")
	stop "$gen_pid"
	gen_pid=
	stop_peer
	held=$(value idle "$dir/gen.out")
	state=good
	[ "${held:-0}" = "$idle_count" ] || {
		state=BAD
		echo "run.sh: BAD d $1: held ${held:-0} of $idle_count" >&2
		head -n 3 "$dir/gen.err" >&2
	}
	awk -v kb="$((after - before))" -v n="${held:-0}" -v state="$state" \
	    'BEGIN { printf("%.2f 0 0 0 %s\n", n > 0 ? kb / n : 0, state) }' \
	    >>"$dir/result.d.$1"
}

# --- the report ------------------------------------------------------------

# median FILE COLUMN
median() {
	awk -v col="$2" '{ print $col }' "$1" | sort -n | awk '
	{ v[NR] = $1 }
	END {
		print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
	}'
}

cell() {
	f=$dir/result.$1.$2
	[ -s "$f" ] || {
		echo "not run"
		return
	}
	mark=
	grep -q BAD "$f" && mark='BAD '
	if [ "$1" = d ]; then
		printf '%s%.1f KB\n' "$mark" "$(median "$f" 1)"
	else
		printf '%s%.0f · %.1f/%.1f · **%.4f**\n' "$mark" \
		    "$(median "$f" 1)" "$(median "$f" 2)" \
		    "$(median "$f" 3)" "$(median "$f" 4)"
	fi
}

title() {
	case $1 in
	a) echo "a: 4 KiB, 1 message/connection, 50 at once" ;;
	b) echo "b: 4 KiB, 100/connection, lock-step" ;;
	p) echo "p: as b, pipelined" ;;
	c) echo "c: 1 MiB, 8 at once" ;;
	d) echo "d: memory per idle connection" ;;
	esac
}

machine() {
	echo "- $(date -u '+%Y-%m-%d %H:%M UTC'), $(uname -srm)"
	echo "- $(sed -n 's/^model name.*: //p' /proc/cpuinfo 2>/dev/null |
	    head -n 1), $(getconf _NPROCESSORS_ONLN) processors, load before:" \
	    "$(uptime | sed 's/.*average[s]*: //')"
	if have_haproxy >/dev/null; then
		echo "- $("$HAPROXY" -v | head -n 1)"
	fi
	if have_postern >/dev/null; then
		echo "- $("$POSTERND" -v 2>&1 | head -n 1)"
	fi
	echo "- medians of $runs runs of $seconds s;" \
	    "d: one run, $idle_count connections"
}

table() {
	head='| peer |' rule='|---|'
	for w in $workloads; do
		head="$head $(title "$w") |"
		rule="$rule---|"
	done
	printf '%s\n%s\n' "$head" "$rule"
	for p in $peers; do
		line="| $p |"
		for w in $workloads; do
			line="$line $(cell "$w" "$p") |"
		done
		echo "$line"
	done
}

# ratio WORKLOAD PEER OTHER: of CPU per message, or of memory
ratio() {
	for f in "$dir/result.$1.$2" "$dir/result.$1.$3"; do
		if [ ! -s "$f" ] || grep -q BAD "$f"; then
			echo "–"
			return
		fi
	done
	col=4
	[ "$1" = d ] && col=1
	awk -v x="$(median "$dir/result.$1.$2" $col)" \
	    -v y="$(median "$dir/result.$1.$3" $col)" \
	    'BEGIN { if (y > 0) printf "%.2f\n", x / y; else print "–" }'
}

ratios() {
	head='| CPU per message (d: memory) |' rule='|---|'
	for w in $workloads; do
		head="$head $w |"
		rule="$rule---|"
	done
	printf '%s\n%s\n' "$head" "$rule"
	for pair in "postern haproxy" "postern_all haproxy" \
	    "postern direct" "haproxy direct"; do
		x=${pair% *} y=${pair#* }
		line="| $x / $y |"
		for w in $workloads; do
			line="$line $(ratio "$w" "$x" "$y") |"
		done
		echo "$line"
	done
}

# Connections that the server had, for each message that it took.
links() {
	line="| server's connections per message, $1 |"
	for w in $workloads; do
		f=$dir/result.$w.$1
		if [ "$w" = d ] || [ ! -s "$f" ]; then
			line="$line – |"
		else
			line="$line $(printf '%.4f' "$(median "$f" 6)") |"
		fi
	done
	echo "$line"
}

# --- the runs --------------------------------------------------------------

if [ ! -r /proc/self/schedstat ]; then
	echo "run.sh: NOT MEASURED here: processor time (no /proc schedstat);" \
	    "read the rates only" >&2
fi
run_peers=
for p in $peers; do
	if why=$("have_$p"); then
		run_peers="$run_peers $p"
	else
		echo "run.sh: *** $p NOT RUN: $why ***" >&2
	fi
done

# shellcheck disable=SC3045
idle_count=$(ulimit -n)
case $idle_count in
unlimited) idle_count=$idle_wanted ;;
*) idle_count=$(((idle_count - 100) / 2)) ;;
esac
[ "$idle_count" -le "$idle_wanted" ] || idle_count=$idle_wanted

description=$(machine)
for w in $workloads; do
	if [ "$w" = d ]; then
		if [ ! -r /proc/self/smaps_rollup ]; then
			echo "run.sh: d NOT RUN: no /proc/PID/smaps_rollup" >&2
			continue
		fi
		for p in $run_peers; do
			idle_run "$p"
		done
		continue
	fi
	workload_args "$w" >/dev/null
	i=0
	while [ "$i" -lt "$runs" ]; do
		# Each round begins with another peer: drift hits all alike.
		for p in $run_peers; do
			one "$w" "$p"
		done
		# shellcheck disable=SC2086 # a list
		set -- $run_peers
		first=$1
		shift
		run_peers="$* $first"
		i=$((i + 1))
	done
done

echo "$description"
echo
echo "messages/s · p50/p99 ms · **CPU-ms of the peer per message**"
echo
table
echo
ratios
for p in $peers; do
	links "$p"
done

# No row at all is as bad as a BAD one.
ls "$dir"/result.* >/dev/null 2>&1 && ! grep -q BAD "$dir"/result.*
