#!/bin/sh
# rspamd-tls.sh: the filter rspamd asks a real one by https, with HAProxy in
# front: only a certificate of the authority, with the server's name, will do.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
# shellcheck source=tests/support/rspamd.sh
. "$top/tests/support/rspamd.sh"
# shellcheck source=tests/support/haproxy.sh
. "$top/tests/support/haproxy.sh"
need rspamd haproxy swaks openssl

# signed NAME HOST: $tmp/NAME.pem for HOST, signed by ca
signed() {
	printf 'subjectAltName=DNS:%s\n' "$2" >"$tmp/$1.ext"
	openssl req -newkey rsa:2048 -nodes -keyout "$tmp/$1.key" \
	    -out "$tmp/$1.csr" -subj "/CN=$2" >/dev/null 2>&1 &&
	    openssl x509 -req -in "$tmp/$1.csr" -days 2 -CA "$tmp/ca.crt" \
		-CAkey "$tmp/ca.key" -CAcreateserial -extfile "$tmp/$1.ext" \
		-out "$tmp/$1.crt" >/dev/null 2>&1 &&
	    cat "$tmp/$1.crt" "$tmp/$1.key" >"$tmp/$1.pem"
}
must cert ca 2
must cert other 2
must signed good localhost
must signed wrong elsewhere.example.org

rspamd_start
must haproxy_start haproxy_ask "show info" <<END
$(haproxy_common)
listen good
    bind 127.0.0.1:@FRONT1@ ssl crt $tmp/good.pem
    server rspamd 127.0.0.1:$rspamd_port
listen wrong
    bind 127.0.0.1:@FRONT2@ ssl crt $tmp/wrong.pem
    server rspamd 127.0.0.1:$rspamd_port
END

# filter NAME PORT CA [OPTION]
filter() {
	cat <<END
rspamd $1 {
	server = {"https://localhost:$2"}  ca = "$tmp/$3.crt"  ${4:-}
	on-unknown = defer  timeout = 5s  breaker = 0
}
END
}
must gateway gw <<END
hostname = "gw.example.org"
workers  = 1
limits { reply-deadline = 20s }
listen one   { address = {"127.0.0.1:@PORT1@"} filters = {good} }
listen two   { address = {"127.0.0.1:@PORT2@"} filters = {name} }
listen three { address = {"127.0.0.1:@PORT3@"} filters = {signer} }
$(filter good "$front1" ca)
$(filter name "$front2" ca)
$(filter signer "$front1" other)
backend sink { protocol = discard }
route in { rcpt-domain = {"example.org"} backend = sink }
END

# told NAME PORT REPLY REASON
told() {
	printf 'Subject: test\r\n\r\nX%s\r\n' "$gtube" >"$tmp/mail"
	swaks_to "$2" --to user@example.org --data "@$tmp/mail"
	matches "$1" "$(echo "$swaks_out" | grep '^<\*\* ' | tail -n 1)" \
	    "^<\*\* $3"
	matches "$1: the record" \
	    "$(grep 'event=mail' "$gw_log" | tail -n 1)" "$4"
}
told "rspamd by https" "$port1" "550 5\.7\.1 Gtube" "rspamd=reject"
told "another name in the certificate" "$port2" "451 4\.7\.1" \
    "reason=.*https://localhost:.*(name|match)"
told "another authority" "$port3" "451 4\.7\.1" \
    "reason=.*https://localhost:.*certificate"
equal "who is not trusted is told nothing" \
    "$(haproxy_stat wrong rspamd | cut -d , -f 9)" 0
sed '/ca = /s/ca = "[^"]*"//' "$gw_conf" >"$tmp/bad.conf"
matches "without an authority nobody is verified" \
    "$("$POSTERND" -n -f "$tmp/bad.conf" 2>&1)" \
    "rspamd 'good': https needs ca"

# On a network of one's own.
must gateway gw2 <<END
hostname = "gw.example.org"
workers  = 1
listen one { address = {"127.0.0.1:@PORT1@"} filters = {any} }
$(filter any "$front2" other "verify = no")
backend sink { protocol = discard }
route in { rcpt-domain = {"example.org"} backend = sink }
END
told "verify = no" "$port1" "550 5\.7\.1 Gtube" "rspamd=reject"
finish
