package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// How long certificates are good for. A process makes itself a new one at each
// start; the authority outlives any sandbox.
const (
	authorityLife   = 10 * 365 * 24 * time.Hour
	certificateLife = 365 * 24 * time.Hour
	// backdated allows for clocks that are a little behind.
	backdated = time.Hour
)

// Authority is a certificate authority for this machine alone: it is kept in a
// directory, and whoever trusts it trusts it for loopback names and addresses and
// for nothing else, which its own certificate says.
type Authority struct {
	file        string
	certificate *x509.Certificate
	key         crypto.Signer
}

// OpenAuthority reads the authority that is kept in a directory, or makes it.
// Several processes may open one directory at once.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &Authority{file: filepath.Join(dir, "ca.pem")}
	if err := a.open(filepath.Join(dir, "ca-key.pem"), now); err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	return a, nil
}

// open reads or makes the key first: whichever certificate of it is kept in the
// end, what the key signs is good under it.
func (a *Authority) open(keyFile string, now time.Time) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	text, err := (&Key{private: private}).PEM()
	if err != nil {
		return err
	}
	if err := keep(keyFile, text); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	key, err := readKey(keyFile)
	if err != nil {
		return err
	}
	a.key = key.private
	der, err := a.issue(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "Upfront sandbox on this machine"},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{"localhost"},
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}, nil, a.key.Public())
	if err != nil {
		return err
	}
	if err := keep(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	kept, err := os.ReadFile(a.file)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(kept)
	if block == nil {
		return fmt.Errorf("%s is no certificate: remove it, and it is made anew", a.file)
	}
	if a.certificate, err = x509.ParseCertificate(block.Bytes); err != nil {
		return fmt.Errorf("%s: %w", a.file, err)
	}
	if now.After(a.certificate.NotAfter) {
		return fmt.Errorf("%s has expired: remove it, and it is made anew", a.file)
	}
	return nil
}

// issue makes a certificate; without a parent it is its own.
func (a *Authority) issue(template, parent *x509.Certificate, public crypto.PublicKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	if parent == nil {
		parent = template
	}
	return x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
}

// File is the authority's certificate in PEM, for those who are to trust it.
func (a *Authority) File() string { return a.file }

// Pool is the authority as the only one that is trusted.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// ServerConfig is a TLS configuration with a new certificate for this machine.
func (a *Authority) ServerConfig(now time.Time) (*tls.Config, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := a.issue(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "localhost"},
		NotBefore: now.Add(-backdated), NotAfter: now.Add(certificateLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}, a.certificate, private.Public())
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: private}},
	}, nil
}
