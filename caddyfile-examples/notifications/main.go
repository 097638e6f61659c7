// Notifications is the app of the example: members, posts and likes as plain
// REST, in an SQLite file. It holds no stream, no emitter and no thread for
// one: whom a like concerns is told by one Redis command, and Caddy brings it to
// all their browsers.
//
// The environment: APP_PORT (3000), REDIS_URL (redis://127.0.0.1:6379) and
// DATABASE, a file (notifications.db).
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	a, err := newApp(
		cmp.Or(os.Getenv("DATABASE"), "notifications.db"),
		cmp.Or(os.Getenv("REDIS_URL"), "redis://127.0.0.1:6379"),
	)
	if err != nil {
		return err
	}
	defer a.close()

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
