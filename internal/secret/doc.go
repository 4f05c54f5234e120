// Package secret keeps other people's secrets unreadable at rest: AES-256-GCM under
// one key of the installation, each value bound to where it belongs, so that a row
// copied elsewhere does not open. The key comes from the operator or from a file that
// is made at first start. It imports nothing of this module.
package secret
