package gateway

import (
	"context"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// notUTF8 logs that apps publish what is not UTF-8: of each channel once,
// and once a minute at most, since clients may have any number of channels.
type notUTF8 struct {
	limiter ratelog.Limiter
	lines   chan []zap.Field // to be logged: the reader of payloads must not wait
}

func (n *notUTF8) init() { n.lines = make(chan []zap.Field, 1) }

// report has it logged, unless it is too much.
func (n *notUTF8) report(channel, text string) (isLogged bool) {
	n.limiter.Do(func(suppressed int) {
		select {
		case n.lines <- []zap.Field{
			zap.String("channel", channel), zap.String("begins_with", fmt.Sprintf("% X", text[:min(len(text), 8)])),
			zap.String("cause", causeOfNotUTF8(text)), zap.Int("others_meanwhile", suppressed),
		}:
			isLogged = true
		default:
		}
	})
	return isLogged
}

// log logs what was reported.
func (n *notUTF8) log(ctx context.Context, log func() *zap.Logger) {
	for {
		select {
		case fields := <-n.lines:
			log().Warn("what was published is not UTF-8; it is delivered as it is, but browsers cannot read it", fields...)
		case <-ctx.Done():
			return
		}
	}
}

// javaStream begins what Java's ObjectOutputStream writes (Java Object Serialization
// Specification, section 6.4.2).
const javaStream = "\xac\xed\x00\x05"

// causeOfNotUTF8 is why a text is not.
func causeOfNotUTF8(text string) string {
	switch {
	case strings.Contains(text, javaStream): // it may be a field of what was stored
		return "Java serialisation: publish with a StringRedisTemplate, or give the RedisTemplate a serializer of strings or JSON"
	case strings.HasPrefix(text, "\x1f\x8b"):
		return "gzip: publish it without compression"
	}
	return "another encoding than UTF-8, or binary data: publish text, such as JSON"
}
