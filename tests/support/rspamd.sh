# shellcheck shell=sh disable=SC2034,SC2154,SC2317
# rspamd.sh: a private rspamd that has no rules but GTUBE's.  Sourced behind
# peers.sh.
#
#	rspamd_start [RULES]		with the rules of a file in Lua; it answers at
#					$rspamd_port and $rspamd_sock; when it can
#					not be had, the whole script is not run
#	rspamd_again			the same once more
#	rspamd_pids			all of its processes
#	$gtube				a body: with X in front reject, with Y add
#					header, with Z rewrite subject

gtube='JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
rspamd_sock=$tmp/rspamd.sock

rspamd_answers() {
	wire -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new($ARGV[0]) or exit 1;
	    print $s "GET /ping HTTP/1.0\r\n\r\n"; local $/; exit(<$s> !~ /pong/)' \
	    "127.0.0.1:$rspamd_port" 2>/dev/null
}

rspamd_again() {
	run rspamd rspamd -f -i -c "$tmp/rspamd.conf" 9>&-
	rspamd_pid=$pid
	wait_until 90 rspamd_answers && return 0
	not_run "${self_name%.sh}" \
	    "rspamd does not start: $(tail -n 2 "$tmp/rspamd.log")"
	finish
}
rspamd_pids() { echo "$(kids "$rspamd_pid")" "$rspamd_pid"; }

rspamd_start() {
	rspamd_port=$(free_port)
	mkdir -p "$tmp/rspamd.db"
	{
		cat <<-END
		options {
			pidfile = "";
			filters = "";
			tempdir = "$tmp/rspamd.db";
			hs_cache_dir = "$tmp/rspamd.db";
			dns { nameserver = ["127.0.0.1:1:1"]; timeout = 100ms; retransmits = 1; }
			control_socket = "$tmp/rspamd.control mode=0600";
			enable_test_patterns = true;
			local_addrs = [];
		}
		logging { type = "console"; level = "notice"; }
		actions { reject = 15; add_header = 8; greylist = 4; quarantine = 100; discard = 200; }
		worker "normal" {
			bind_socket = "127.0.0.1:$rspamd_port";
			bind_socket = "$rspamd_sock mode=0666";
			count = 1;
			keepalive = true;
		}
		END
		[ $# -eq 0 ] || echo "lua = \"$1\";"
	} >"$tmp/rspamd.conf"
	rspamd_again
}
