# `make test` runs everything; `make tools` installs what it needs and says so.

.PHONY: test test-packages test-browsers compile download lint audit cover fuzz torture soak faults tools

GOFUMPT = mvdan.cc/gofumpt@v0.12.0
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# make lint vets; without DWARF linking takes half the time. On a quiet machine
# `make -j2 test-packages test-browsers` is faster.
test: tools test-packages test-browsers

GO_TEST = go test -vet=off -ldflags=-w

test-packages:
	$(GO_TEST) -race -parallel 6 ./...

test-browsers:
	cd e2e && $(GO_TEST) -parallel 4 ./...
	sh internal/examples.sh go test ./...

# All that test compiles, so that no test runs beside a compiler.
compile:
	go build ./cmd/caddy && go build -race ./cmd/caddy && rm caddy
	$(GO_TEST) -race -run '^$$' ./... >/dev/null
	cd e2e && $(GO_TEST) -run '^$$' ./... >/dev/null
	sh internal/examples.sh go test -run '^$$' ./... >/dev/null

# All modules that test and lint need: they download them themselves, but cannot try
# again where the network fails.
download:
	go list -deps -test ./... >/dev/null
	cd e2e && go list -deps -test ./... >/dev/null
	sh internal/examples.sh go list -deps -test ./... >/dev/null
	go run $(GOFUMPT) -version
	go run $(STATICCHECK) -version

lint:
	go vet ./...
	cd e2e && go vet ./...
	sh internal/examples.sh go vet ./...
	@test -z "$$(go run $(GOFUMPT) -l .)" || { go run $(GOFUMPT) -d .; exit 1; }
	go run $(STATICCHECK) ./...
	cd e2e && go run $(STATICCHECK) ./...
	sh internal/examples.sh go run $(STATICCHECK) ./...

# golangci-lint, with its security linters; .golangci.yml says what is judged.
audit:
	go run $(GOLANGCI_LINT) run ./...

# How much of each package the tests run, in themselves and in the gateways that they
# start.
cover: tools
	rm -rf .cover && mkdir -p .cover/tests .cover/gateways
	SSE_COVERDIR=$(CURDIR)/.cover/gateways go test -cover -coverpkg=./... ./... -args -test.gocoverdir=$(CURDIR)/.cover/tests
	go tool covdata percent -i=.cover/tests,.cover/gateways

# Half a minute for each fuzz test.
fuzz:
	go test -fuzz FuzzEvent -fuzztime 30s ./internal/eventstream
	go test -fuzz FuzzEnvelope -fuzztime 30s ./internal/eventstream
	go test -fuzz FuzzStored -fuzztime 30s ./internal/eventstream
	go test -fuzz FuzzVector -fuzztime 30s ./internal/eventstream
	go test -fuzz FuzzCheckChannel -fuzztime 30s ./module

# Two million deliveries, while everything breaks.
torture: tools
	go test ./internal/torture -run 'Torture$$' -v -deliveries 2000000 -rate 20000 -timeout 60m

# Half an hour of it, after which gateways must not use more than before. Shorter:
# make soak SOAK=3m
SOAK = 30m
soak: tools
	go test ./internal/torture -run 'Soak$$' -v -soak $(SOAK) -timeout 0

# How long each fault lasts for a subscriber: the table of docs/reliability.md, in
# four minutes.
faults: tools
	go test ./internal/faults -run 'Faults$$' -v -measure -timeout 20m

tools:
	@sh internal/tools.sh
