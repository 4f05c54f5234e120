package store

// sqlc v1.31.1: go install github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1
//go:generate sqlc generate
