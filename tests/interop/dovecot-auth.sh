#!/bin/sh
# dovecot-auth.sh: clients -> posternd -> the auth service of a private Dovecot:
# every mechanism it offers, wrong passwords, many at once, restarts; and its
# users as recipients.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/dovecot.sh
. "$top/tests/support/dovecot.sh"
need swaks perl openssl
need_dovecot
authclient=$BUILD/tests/authclient

dovecot_user alice wonderland
dovecot_user bob builder
dovecot_user gone gone nologin=y
must dovecot_start auth-client <<-END
auth_mechanisms = plain login scram-sha-256 scram-sha-1 cram-md5
auth_failure_delay = 2 secs
service auth {
  client_limit = 2000
  unix_listener auth-client {
    mode = 0666
  }
  unix_listener auth-userdb {
    mode = 0666
  }
}
END

must openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=gw.example.org \
    -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
limits   { auth-rate = ""  noops = 1000 }
tls own  { certificate = {"$tmp/cert.pem"}  key = {"$tmp/key.pem"} }
listen submission {
	address      = {"127.0.0.1:@PORT1@"}
	starttls     = own
	require-tls  = yes
	auth         = dovecot
	require-auth = yes
}
listen clear {
	address        = {"127.0.0.1:@PORT2@"}
	auth           = dovecot
	auth-plaintext = yes
}
listen mx {
	address = {"127.0.0.1:@PORT3@"}
	filters = {users}
}
dovecot-auth dovecot { socket = "$dovecot_run/auth-client" }
dovecot-user users   { socket = "$dovecot_run/auth-userdb"  extension = "+" }
backend sink { protocol = discard }
route all { backend = sink  rcpt-domain = {"example.org"} }
END

# --- mechanisms ------------------------------------------------------------------

for mech in PLAIN LOGIN CRAM-MD5; do
	swaks_to "$port1" --tls --auth $mech --auth-user alice \
	    --auth-password wonderland --to bob@example.org
	equal "$mech under TLS" "$swaks_code" 0
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	equal "$mech: the record has the login" "$(key login "$rec")" alice
	matches "$mech: and so has that of AUTH" \
	    "$(grep event=auth "$gw_log" | tail -n 1)" \
	    "result=accepted .*login=alice .*mechanism=$mech"
	swaks_to "$port1" --tls --auth $mech --auth-user alice \
	    --auth-password wrong --to bob@example.org
	matches "$mech: a wrong password is 535 5.7.8" "$swaks_out" \
	    '^<~\* 535 5\.7\.8'
done
matches "EHLO has what Dovecot offers" "$swaks_out" \
    '^<~  250-AUTH .*SCRAM-SHA-256'
swaks_to "$port1" --to bob@example.org
lacks "without TLS AUTH is not offered" "$swaks_out" '^<-  250-AUTH'

client() { "$authclient" "$@" 2>&1; }
equal "SCRAM-SHA-256" \
    "$(client 127.0.0.1 "$port2" SCRAM-SHA-256 alice wonderland)" "235 1"
equal "SCRAM-SHA-256, a wrong password" \
    "$(client 127.0.0.1 "$port2" SCRAM-SHA-256 alice wrong)" "535 1"
equal "SCRAM-SHA-256, nobody's name" \
    "$(client 127.0.0.1 "$port2" SCRAM-SHA-256 nobody wonderland)" "535 1"
equal "LOGIN in clear, where it is allowed" \
    "$(client 127.0.0.1 "$port2" LOGIN bob builder)" "235 1"
equal "a mechanism that Dovecot has not: 504" \
    "$(client 127.0.0.1 "$port2" EXTERNAL bob builder)" "504 1"
equal "and the connection to Dovecot is still good" \
    "$(client 127.0.0.1 "$port2" PLAIN bob builder)" "235 1"
equal "who may not log in: 525" \
    "$(client 127.0.0.1 "$port2" PLAIN gone gone)" "525 1"

# --- many at once, and mail beside them --------------------------------------------

# 500 that fail late, and 500 that do not, while mail goes through.
"$authclient" -n 500 127.0.0.1 "$port2" PLAIN alice wrong >"$tmp/wrong.out" 2>&1 &
wrong_pid=$!
"$authclient" -n 500 127.0.0.1 "$port2" PLAIN alice wonderland \
    >"$tmp/right.out" 2>&1 &
right_pid=$!
beside() {
	for _i in 1 2 3; do
		swaks_to "$port2" --to bob@example.org
		[ "$swaks_code" -eq 0 ] || return 1
	done
	! gone_or_zombie $wrong_pid
}
check "mail passes while 500 wrong passwords wait for their answer" beside
wait $right_pid
equal "500 at once" "$(cat "$tmp/right.out")" "235 500"
wait $wrong_pid
equal "500 wrong ones at once" "$(cat "$tmp/wrong.out")" "535 500"
# Not 500: each costs Dovecot thousands of rounds of a hash, in one process, which
# would be measured here and not us.
equal "100 exchanges of several steps at once" \
    "$(client -n 100 127.0.0.1 "$port2" SCRAM-SHA-256 alice wonderland)" "235 100"

# --- recipients ---------------------------------------------------------------------

swaks_to "$port3" --to alice@example.org
equal "a recipient that Dovecot knows" "$swaks_code" 0
swaks_to "$port3" --to alice+lists@example.org
equal "and with an extension" "$swaks_code" 0
swaks_to "$port3" --to '"alice"@example.org'
equal "and with quotes" "$swaks_code" 0
swaks_to "$port3" --to nobody@example.org
matches "one that it does not know" "$swaks_out" '^<\*\* 550 5\.1\.1 no such user'

# --- Dovecot goes and comes back -----------------------------------------------------

# shellcheck disable=SC2016 # perl's variables
cat >"$tmp/session.pl" <<'END'
use strict;
use IO::Socket::INET;
my ($to, $dir) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $to) or die "connect: $!";
sub hear {
	my $l;
	do { defined($l = <$s>) or die "closed" } while $l =~ /^\d{3}-/;
	return substr($l, 0, 3);
}
sub say_ { print $s "$_[0]\r\n"; return hear(); }
sub until_there {
	my ($f) = @_;
	for (my $i = 0; $i < 500; $i++) {
		return if -e "$dir/$f";
		select(undef, undef, undef, 0.02);
	}
	die "no $f";
}
sub mark { open my $f, '>', "$dir/$_[0]"; }
hear();
say_("EHLO client.example.net");
my @seen = (say_("AUTH LOGIN"));
mark("begun");
until_there("stopped");
push @seen, say_("YWxpY2U=");
push @seen, say_("AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=");
mark("heard");
until_there("started");
my $last;
for (my $i = 0; $i < 100; $i++) {
	$last = say_("AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=");
	last if $last ne "454";
	select(undef, undef, undef, 0.1);
}
print "@seen $last\n";
END
perl "$tmp/session.pl" "127.0.0.1:$port2" "$tmp" >"$tmp/session.out" 2>&1 &
session_pid=$!
wait_until 10 test -e "$tmp/begun"
# Its auth process outlives a stop as long as somebody is connected.
auth_pids=$(kids "$dovecot_pid")
stop "$dovecot_pid"
for p in $auth_pids; do
	kill -KILL "$p" 2>/dev/null
	wait_until 10 gone "$p"
done
: >"$tmp/stopped"
wait_until 10 test -e "$tmp/heard"
swaks_to "$port3" --to alice@example.org
matches "without Dovecot recipients are put off" "$swaks_out" '^<\*\* 451 4\.7\.1'
swaks_to "$port2" --to alice@example.org
equal "and mail that does not need it passes" "$swaks_code" 0
must dovecot_again auth-client
: >"$tmp/started"
wait $session_pid
equal "a session in which Dovecot is restarted: 454, then 235" \
    "$(cat "$tmp/session.out")" "334 454 454 235"
served() {
	swaks_to "$port3" --to alice@example.org
	[ $swaks_code -eq 0 ]
}
check "recipients are found again" wait_until 15 served

lacks "no password is in the log" "$(cat "$gw_log")" \
    'wonderland|builder|d29uZGVybGFuZ|AGFsaWNl'

# Where it looks when nobody says.
sed "s,socket = \"$dovecot_run/auth-client\",," "$gw_conf" >"$tmp/search.conf"
matches "-n says which socket is used" \
    "$("$POSTERND" -n -f "$tmp/search.conf" 2>&1)" \
    "dovecot-auth 'dovecot': .*/auth-client is used"

stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
