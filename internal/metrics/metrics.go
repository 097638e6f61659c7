// Package metrics shows Prometheus what the gateways count and have. Nothing else knows of
// Prometheus.
package metrics

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register makes the metrics known to a configuration's registry, which is new at each
// reload. A registry that knows them already keeps those.
func Register(to prometheus.Registerer, p PerChannel) error {
	if err := to.Register(&collector{p}); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
		return err
	}
	return nil
}
