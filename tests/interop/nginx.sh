#!/bin/sh
# nginx.sh: nginx in front.  Its mail proxy speaks XCLIENT for its clients (with
# and without AUTH, which its own http block answers), its stream proxy sends
# PROXY headers.

# shellcheck source=tests/support/peers.sh disable=SC2154,SC2317
. "$(dirname "$0")/../support/peers.sh"
need nginx swaks
if ! free_port 127.0.0.3 >/dev/null 2>&1; then
	not_run nginx "127.0.0.3 is no address of this machine"
	finish
fi

# module NAME: the line that loads it, if it is not built in
module() {
	for _d in "$top/build/peers/root/usr/lib/nginx/modules" \
	    /usr/lib/nginx/modules /usr/local/libexec/nginx \
	    /usr/pkg/lib/nginx/modules; do
		if [ -e "$_d/ngx_$1_module.so" ]; then
			echo "load_module $_d/ngx_$1_module.so;"
			return 0
		fi
	done
	nginx -V 2>&1 | grep -Eq -e "--with-$1( |\$)"
}
mail_module=$(module mail) || {
	not_run nginx "missing: its mail module"
	finish
}
stream_module=$(module stream) || {
	not_run nginx "missing: its stream module"
	finish
}

mkdir -m 1777 "$tmp/mail"
must gateway gw <<END
hostname = "gw.example.org"
workers  = 2
listen xclient {
	address       = {"127.0.0.1:@PORT1@"}
	xclient-from  = {"127.0.0.1"}
	xclient-login = true
	filters       = {unwanted}
}
listen proxied { address = {"127.0.0.1:@PORT2@"}  proxy-from = {"127.0.0.1"} }
access unwanted { deny = {"127.0.0.66"}  text = "not from there" }
backend store { protocol = maildir  path = "$tmp/mail/%u" }
route stored { rcpt-domain = {"example.org"}  backend = store }
END
xclient_port=$port1 proxied_port=$port2

nginx_start() {
	mkdir -p "$tmp/nginx"
	for _try in 1 2 3; do
		http_port=$(free_port) mail_port=$(free_port)
		auth_port=$(free_port) stream_port=$(free_port)
		cat >"$tmp/nginx/nginx.conf" <<-END
		$mail_module
		$stream_module
		daemon off;
		master_process off;
		pid $tmp/nginx/pid;
		error_log stderr info;
		events { worker_connections 512; }
		http {
		    access_log off;
		    client_body_temp_path $tmp/nginx/1;
		    proxy_temp_path $tmp/nginx/2;
		    fastcgi_temp_path $tmp/nginx/3;
		    uwsgi_temp_path $tmp/nginx/4;
		    scgi_temp_path $tmp/nginx/5;
		    server {
		        listen 127.0.0.1:$http_port;
		        location / {
		            add_header Auth-Status OK;
		            add_header Auth-Server 127.0.0.1;
		            add_header Auth-Port $xclient_port;
		            return 204;
		        }
		    }
		}
		mail {
		    server_name nginx.example.org;
		    auth_http 127.0.0.1:$http_port/;
		    proxy_pass_error_message on;
		    xclient on;
		    server {
		        listen 127.0.0.1:$mail_port;
		        protocol smtp;
		        smtp_auth none;
		    }
		    server {
		        listen 127.0.0.1:$auth_port;
		        protocol smtp;
		        smtp_auth plain login;
		    }
		}
		stream {
		    server {
		        listen 127.0.0.1:$stream_port;
		        proxy_pass 127.0.0.1:$proxied_port;
		        proxy_protocol on;
		    }
		}
		END
		run nginx nginx -p "$tmp/nginx/" -e stderr \
		    -c "$tmp/nginx/nginx.conf"
		nginx_pid=$pid
		wait_until 10 answers "$mail_port" && return 0
		stop "$nginx_pid"
	done
	cat "$tmp/nginx.log"
	return 1
}
answers() {
	swaks --server "127.0.0.1:$1" --quit-after BANNER --timeout 2 \
	    >/dev/null 2>&1 </dev/null
}
must nginx_start

# proxied NAME PORT USER ARGS...: a message to USER from 127.0.0.3
proxied() {
	_name=$1 _to=$2 _user=$3
	shift 3
	swaks_to "$_to" --local-interface 127.0.0.3 --to "$_user@example.org" "$@"
	equal "$_name: a message" "$swaks_code" 0
	mail=$(cat "$tmp/mail/$_user/new/"* 2>&1)
	rec=$(record "$gw_log" "$(id_of "$swaks_out")")
	equal "$_name: the record has client and proxy" \
	    "$(key client "$rec") $(key proxy "$rec")" "127.0.0.3 127.0.0.1"
	matches "$_name: Received names the client" "$mail" \
	    '^Received: from client.example.net \(\[127.0.0.3\]\)'
}

# --- the mail proxy ----------------------------------------------------------------

proxied "mail proxy" "$mail_port" plain
equal "mail proxy: who the client says it is" "$(key helo "$rec")" \
    client.example.net
equal "mail proxy: nobody logged in" "$(key login "$rec")" ""
proxied "mail proxy, HELO" "$mail_port" helo --protocol SMTP
matches "mail proxy, HELO: Received says SMTP" "$mail" 'with SMTP id'

proxied "mail proxy, AUTH" "$auth_port" auth --protocol ESMTP --auth PLAIN \
    --auth-user user@example.org --auth-password secret
equal "mail proxy, AUTH: the record has the login" "$(key login "$rec")" \
    user@example.org
matches "mail proxy, AUTH: Received says ESMTPA" "$mail" 'with ESMTPA id'

swaks_to "$mail_port" --local-interface 127.0.0.66 --to denied@example.org
at_least "mail proxy: an address that is denied gets no mail in" \
    "$swaks_code" 1
lacks "mail proxy: nothing is delivered for it" "$(ls "$tmp/mail")" denied
check "mail proxy: the filters saw its address" wait_until 5 grep -q \
    'client=127.0.0.66 proxy=127.0.0.1.*not from there' "$gw_log"
swaks_to "$mail_port" --local-interface 127.0.0.3 --to x@elsewhere.example.net
matches "mail proxy: a refused recipient hears it" "$swaks_out" \
    '^<\*\* 550 5\.7\.1 relaying denied'

# --- the stream proxy ----------------------------------------------------------------

proxied "stream proxy" "$stream_port" stream
# shellcheck disable=SC2016 # perl's variables
perl -e 'print "Subject: big\n\n"; print "x" x 70, "\n" for 1 .. 30000' \
    >"$tmp/big"
proxied "stream proxy, 2 MB" "$stream_port" big --data "@$tmp/big"
gen -n 200 -c 10 -m 5 "127.0.0.1:$stream_port"
equal "200 messages through the stream proxy" "$(field ok "$gen_out")" 200

stop "$nginx_pid"
stop "$gw_pid"
equal "posternd ends well" "$code" 0
finish
