// Package account knows who calls: tenants, principals and their credentials.
// Credentials are kept as SHA-256 digests, never as they were given. It imports
// nothing above the protocol's agent kit.
package account
