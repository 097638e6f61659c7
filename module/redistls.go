package sse

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// RedisTLS says how to trust Redis and be trusted.
type RedisTLS struct {
	// A PEM file with the authorities to trust. Default: the system's.
	CA string `json:"ca,omitempty"`

	// A PEM file with the certificate to present. Default: none.
	Cert string `json:"cert,omitempty"`

	// A PEM file with the certificate's key. One needs the other.
	Key string `json:"key,omitempty"`

	// The name that the server's certificate must have. Default: its host.
	ServerName string `json:"server_name,omitempty"`

	// Trust any certificate. Anyone who sits between can then read and write
	// everything, the password too.
	InsecureSkipVerify bool `json:"insecure_skip_verify,omitempty"`
}

var errCertWithoutKey = errors.New("redis: tls cert and key belong together: one is missing")

// config adds the settings to c, the TLS configuration of a rediss:// URL if
// there is one.
func (t *RedisTLS) config(c *tls.Config, fill func(string) (string, error)) (*tls.Config, error) {
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	var ca, cert, key string
	for _, f := range []struct {
		from string
		to   *string
	}{{t.CA, &ca}, {t.Cert, &cert}, {t.Key, &key}, {t.ServerName, &c.ServerName}} {
		if f.from == "" {
			continue
		}
		var err error
		if *f.to, err = fill(f.from); err != nil {
			return nil, err
		}
	}
	c.InsecureSkipVerify = c.InsecureSkipVerify || t.InsecureSkipVerify //nolint:gosec // the user asked for it by name
	if ca != "" {
		trusted, err := os.ReadFile(ca) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("redis: tls ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(trusted) {
			return nil, fmt.Errorf("redis: tls ca: %s holds no certificate in PEM", ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, errCertWithoutKey
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("redis: tls cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// validate checks the settings; those that are nil are good.
func (t *RedisTLS) validate() error {
	if t != nil && (t.Cert == "") != (t.Key == "") {
		return errCertWithoutKey
	}
	return nil
}
