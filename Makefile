# `make test` runs everything; `make tools` installs what it needs and says so.

.PHONY: test lint fuzz tools

test: tools
	go test -race ./...
	cd e2e && go test -race ./...

lint:
	go vet ./...
	cd e2e && go vet ./...
	@test -z "$$(go run mvdan.cc/gofumpt@v0.12.0 -l .)" || { go run mvdan.cc/gofumpt@v0.12.0 -d .; exit 1; }
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	cd e2e && go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# Half a minute for each fuzz test.
fuzz:
	go test -fuzz FuzzEvent -fuzztime 30s ./module/eventstream
	go test -fuzz FuzzEnvelope -fuzztime 30s ./module/eventstream
	go test -fuzz FuzzStored -fuzztime 30s ./module/eventstream
	go test -fuzz FuzzVector -fuzztime 30s ./module/eventstream
	go test -fuzz FuzzCheckChannel -fuzztime 30s ./module

tools:
	@sh internal/tools.sh
