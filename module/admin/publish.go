package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	sse "github.com/caddy-sse/caddy-sse/module"
)

// A Message is what to publish.
type Message struct {
	Channel string `json:"channel"`
	Data    string `json:"data"`
	// Event is the event's type. Without Store it makes the payload an envelope,
	// for subscribers with format json.
	Event string `json:"event,omitempty"`
	// Store adds the event to the channel's history, too, as far as it is long.
	Store bool `json:"store,omitempty"`
}

// Published is what became of it.
type Published struct {
	Channel   string `json:"channel"`
	Receivers int64  `json:"receivers"`
	ID        string `json:"id,omitempty"`
	// Note says why nobody may have got it.
	Note string `json:"note,omitempty"`
}

// maxMessage is how many bytes the request may have.
const maxMessage = 1 << 20

func publish(w http.ResponseWriter, r *http.Request) error {
	var m Message
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return problem(http.StatusBadRequest, fmt.Errorf(`the body is not {"channel","data","event","store"}: %w`, err))
	}
	if err := m.check(); err != nil {
		return problem(http.StatusBadRequest, err)
	}
	gateways, err := gateways()
	if err != nil {
		return err
	}
	result := Published{Channel: m.Channel}
	g := gateways[len(gateways)-1] // that of the newest configuration
	b := g.Broker
	event := eventstream.Event{Type: m.Event, Data: m.Data}
	switch {
	case m.Store:
		result.ID, result.Receivers, err = b.Store(r.Context(), m.Channel, protocol.Fields(event), broker.HistoryLimits{})
	case m.Event != "":
		result.Receivers, err = b.Publish(r.Context(), m.Channel, protocol.Envelope(event))
	default:
		result.Receivers, err = b.Publish(r.Context(), m.Channel, m.Data)
	}
	if err != nil {
		return problem(http.StatusBadGateway, err)
	}
	if !m.Store && hasHistory(r.Context(), g, m.Channel) {
		result.Note = "the channel has a history, and its subscribers get what is stored there: this was not"
	}
	return answer(w, result)
}

func (m *Message) check() error {
	if err := sse.CheckChannel(m.Channel); err != nil {
		return err
	}
	switch {
	case m.Data == "":
		return errors.New("there is nothing to publish: the data is empty")
	case !m.Store && protocol.IsReserved(m.Data):
		return errors.New("the data must not begin with a NUL byte: that is how gateways speak to each other")
	case !eventstream.ValidType(m.Event):
		return errors.New("the event's type must not hold a line end")
	}
	return nil
}
