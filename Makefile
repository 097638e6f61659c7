# `make test` runs the suite; `make tools` installs what it needs and says so.

.PHONY: test race race-gateway test-packages test-around built built-race compile compile-race download lint audit cover fuzz torture torture-http2 torture-failovers soak faults clients chromium reloads-http2 fuzz-http2 tools release packages

# internal/tools/go.mod has their versions, apart from what the module itself needs.
TOOL = go tool -modfile=$(CURDIR)/internal/tools/go.mod
GOFUMPT = $(TOOL) gofumpt
STATICCHECK = $(TOOL) staticcheck

# It needs hundreds of modules: only `make audit` downloads them.
GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# First all is compiled: what tests how long something takes has no compiler beside it.
test: tools compile built
	@$(MAKE) --no-print-directory -j 2 test-packages test-around

# Everything that runs at once with something else, with the race detector: CI runs it after
# the suite.
race: tools compile-race
	$(RACE) -p 1 -parallel 8 $(ENGINE)
	cd bench && $(RACE) ./...

# The gateway as a whole with the race detector, and while everything breaks: what a change
# to the engine needs besides. On a busy machine some of it is too slow to be judged.
race-gateway: tools built-race
	SSE_RACE=1 $(GO_TEST) -parallel 6 ./internal/blackbox
	SSE_RACE=1 $(GO_TEST) ./internal/torture

# What has goroutines of its own. The tests of directives are clients of a gateway, as
# those of internal/blackbox are, for which it has the race detector.
ENGINE = ./handlers/request ./internal/broker/... ./internal/feed ./internal/gateway ./internal/http2 ./internal/hub \
	./internal/limits ./internal/metrics ./internal/nonblock ./internal/presence ./internal/program ./internal/ratelog \
	./internal/token ./internal/transport ./internal/wake ./module ./module/listener

# Gateways that tests start are compiled once, and not looked at by each package.
test race race-gateway: export SSE_BUILT = $(CURDIR)/.built

# A program with the race detector waits a second before it exits, for races of others
# to be told: too long for hundreds of programs.
export GORACE = atexit_sleep_ms=10

# make lint vets; without DWARF linking takes half the time.
GO_TEST = go test -vet=off -ldflags=-w
RACE = $(GO_TEST) -race

built:
	@go build -ldflags=-w -o .built/caddy ./cmd/caddy

built-race: built
	@go build -ldflags=-w -race -o .built/caddy-race ./cmd/caddy

# The packages, one after the other: what they link takes a core.
test-packages:
	$(GO_TEST) -p 1 -parallel 8 $$(go list ./... | grep -v -e /internal/blackbox -e /internal/torture)
	$(GO_TEST) ./internal/torture -run 'Checker|Interpreter|Samples'
	cd bench && $(GO_TEST) ./...

# The gateway as a whole, browsers, other clients and backends, and examples.
test-around:
	$(GO_TEST) -parallel 8 ./internal/blackbox
	cd e2e && $(GO_TEST) -parallel 4 ./...
	sh internal/examples.sh go test ./...

# All packages that test needs, but no program is linked.
compile:
	@go list -export -deps -test ./... >/dev/null
	@cd bench && go list -export -deps -test ./... >/dev/null
	@cd e2e && go list -export -deps -test ./... >/dev/null
	@sh internal/examples.sh go list -export -deps -test ./... >/dev/null

compile-race:
	@go list -export -deps -test -race $(ENGINE) ./cmd/caddy >/dev/null
	@cd bench && go list -export -deps -test -race ./... >/dev/null

# All modules that test and lint need: they download them themselves, but cannot try
# again where the network fails.
download:
	go list -deps -test ./... >/dev/null
	cd bench && go list -deps -test ./... >/dev/null
	cd e2e && go list -deps -test ./... >/dev/null
	sh internal/examples.sh go list -deps -test ./... >/dev/null
	$(GOFUMPT) -version
	$(STATICCHECK) -version

lint:
	go vet ./...
	cd bench && go vet ./...
	cd e2e && go vet ./...
	sh internal/examples.sh go vet ./...
	@test -z "$$($(GOFUMPT) -l .)" || { $(GOFUMPT) -d .; exit 1; }
	$(STATICCHECK) ./...
	cd bench && $(STATICCHECK) ./...
	cd e2e && $(STATICCHECK) ./...
	sh internal/examples.sh $(STATICCHECK) ./...

# golangci-lint, with its security linters; .golangci.yml says what is judged.
audit:
	go run $(GOLANGCI_LINT) run ./...
	cd bench && go run $(GOLANGCI_LINT) run ./...

# How much of each package the tests run, in themselves and in the gateways that they
# start.
cover: tools
	rm -rf .cover && mkdir -p .cover/tests .cover/gateways
	SSE_COVERDIR=$(CURDIR)/.cover/gateways go test -cover -coverpkg=./... ./... -args -test.gocoverdir=$(CURDIR)/.cover/tests
	go tool covdata percent -i=.cover/tests,.cover/gateways

# Half a minute for each fuzz test.
fuzz:
	go test -fuzz FuzzEvent -fuzztime 30s ./internal/eventstream
	go test -fuzz FuzzEnvelope -fuzztime 30s ./internal/protocol
	go test -fuzz FuzzStored -fuzztime 30s ./internal/protocol
	go test -fuzz FuzzVector -fuzztime 30s ./internal/protocol
	go test -fuzz FuzzCheckChannel -fuzztime 30s ./module
	go test -fuzz FuzzTemplate -fuzztime 30s ./handlers/request
	go test -fuzz FuzzMatch -fuzztime 30s ./internal/pattern
	go test -fuzz FuzzTLSInput -fuzztime 30s ./internal/transport
	go test -fuzz FuzzHeaderBlock -fuzztime 30s ./internal/http2
	go test -C bench -fuzz FuzzHTTP2Frames -fuzztime 30s .

# Two million deliveries, while everything breaks.
torture: tools
	go test ./internal/torture -run 'Torture$$' -v -deliveries 2000000 -rate 20000 -timeout 60m

# Half a million over HTTP/2, where many share a connection, and parking and waking are
# among what happens to it.
torture-http2: tools
	go test ./internal/torture -run 'TortureHTTP2$$' -v -http2 500000 -timeout 60m

# A million deliveries each with Sentinel, a cluster, and a sharded one.
torture-failovers: tools
	go test ./internal/torture -run 'TortureSentinel$$|TortureCluster' -v -more-faults -deliveries 1000000 -rate 12000 -timeout 60m

# Half an hour of it, after which gateways must not use more than before. Shorter:
# make soak SOAK=3m
SOAK = 30m
soak: tools
	go test ./internal/torture -run 'Soak$$' -v -soak $(SOAK) -timeout 0

# How long each fault lasts for a subscriber: the table of docs/reliability.md, in
# four minutes.
faults: tools
	go test ./internal/faults -run 'Faults$$' -v -measure -timeout 20m

# Programs, archives, Debian packages and their checksums, into dist/.
release:
	sh packaging/release.sh

# The Debian package, what the image holds, and the chart, tried as far as one machine can.
packages:
	sh packaging/release.sh linux/amd64
	sh packaging/check.sh

# Other languages' clients and a proxy over HTTP/2 behind sse_http2. They are Debian's
# curl, python3-httpx and python3-h2, openjdk-17-jdk-headless, nodejs, haproxy: what is
# not installed is skipped, and said to be.
clients: tools
	cd e2e && go test ./clients -clients -v -timeout 20m

# Ten minutes of a page in Chromium, with ten EventSources, uploads and downloads over one
# HTTP/2 connection.
chromium: tools
	cd e2e && go test . -run ChromiumOverHTTP2 -chromium 10m -v -timeout 20m

# A thousand subscribers over twenty HTTP/2 connections, and ten reloads.
reloads-http2: tools
	go test ./internal/blackbox -run HTTP2ReloadsUnderLoad -http2-connections 20 -http2-streams 50 -http2-reloads 10 -v

# An hour for each of what reads HTTP/2.
fuzz-http2:
	go test -fuzz FuzzHeaderBlock -fuzztime 1h -timeout 0 ./internal/http2
	go test -C bench -fuzz FuzzHTTP2Frames -fuzztime 1h -timeout 0 .

tools:
	@sh internal/tools.sh
