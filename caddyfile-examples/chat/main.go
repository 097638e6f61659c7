// Chat is the app of the example: people, rooms and messages as plain REST, in
// an SQLite file. It holds no stream: what is said in a room goes to Redis by one
// command, and Caddy brings it to every browser. With --no-redis not even that:
// the gateway publishes what the app answers.
//
// The environment: APP_PORT (3000), REDIS_URL (redis://127.0.0.1:6379) and
// DATABASE, a file (chat.db).
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	noRedis := flag.Bool("no-redis", false, "leave publishing to the gateway, with Caddyfile.no-redis")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *noRedis); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, noRedis bool) error {
	redisURL := cmp.Or(os.Getenv("REDIS_URL"), "redis://127.0.0.1:6379")
	if noRedis {
		redisURL = ""
	}
	a, err := newApp(cmp.Or(os.Getenv("DATABASE"), "chat.db"), redisURL)
	if err != nil {
		return err
	}
	defer a.close()
	go a.outbox.run(ctx)

	server := &http.Server{
		Addr:    net.JoinHostPort("127.0.0.1", cmp.Or(os.Getenv("APP_PORT"), "3000")),
		Handler: a.handler(),
		// No answer takes long: the streams are Caddy's.
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   10 * time.Second,
		IdleTimeout:    5 * time.Minute, // longer than Caddy keeps a connection to the app
		MaxHeaderBytes: 32 << 10,
	}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		soon, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		ended <- server.Shutdown(soon)
	}()
	log.Print("the app listens on ", server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
