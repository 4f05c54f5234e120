// Package server is the composition root: it reads the configuration, opens the
// database, the job queue and the ad server, puts the agents together and serves
// them over HTTP with health, metrics and logs. It is the only room that reads
// configuration.
package server
