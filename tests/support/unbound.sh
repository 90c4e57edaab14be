# shellcheck shell=sh disable=SC2034,SC2154,SC2317
# unbound.sh: a private unbound.  Sourced behind peers.sh.
#
#	need_unbound			else the whole script is not run; $dns_port
#	unbound_start <CONF		CONF stands behind "server:"; one of its
#					zones is good.test, with an MX
#	unbound_again			the same once more

unbound_possible() {
	have unbound && [ -x "$BUILD/tests/ask" ] && dns_port=$(free_port)
}
need_unbound() {
	need unbound
	unbound_possible && return 0
	not_run "${self_name%.sh}" "no $BUILD/tests/ask"
	finish
}

unbound_answers() { # quietly
	echo "good.test MX" |
	    "$BUILD/tests/ask" -s "127.0.0.1:$dns_port" -t 300 -w 100 2>/dev/null |
	    grep -q found
}

unbound_again() {
	# (without the pipe's end that dns.sh has, for which ask would wait)
	run unbound unbound -d -c "$tmp/unbound.conf" 9>&-
	unbound_pid=$pid
	wait_until 10 unbound_answers && return 0
	not_run "${self_name%.sh}" \
	    "unbound does not start: $(tail -n 2 "$tmp"/unbound.log)"
	finish
}

unbound_start() {
	{
		cat <<-END
		remote-control:
			control-enable: no
		server:
			interface: 127.0.0.1@$dns_port
			access-control: 127.0.0.0/8 allow
			do-daemonize: no
			use-syslog: no
			logfile: ""
			verbosity: 1
			chroot: ""
			directory: "$tmp"
			pidfile: ""
			username: ""
			module-config: "iterator"
			do-not-query-localhost: no
			num-threads: 1
			so-reuseport: no
		END
		cat
	} >"$tmp/unbound.conf"
	unbound_again
}
