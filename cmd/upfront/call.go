package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/client"
	"github.com/upfront-media/upfront/internal/clock"
	"github.com/upfront-media/upfront/internal/id"
	"github.com/upfront-media/upfront/internal/identity"
)

func callCommand(c console) *cobra.Command {
	var token, protocol, key string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "call URL TASK [JSON]",
		Short: "Call a task of any agent and print its answer",
		Long: "Calls one task of an AdCP agent over MCP, or A2A, and prints the answer as JSON.\n" +
			"JSON is the request's fields; - reads them from standard input, @FILE from a file.\n" +
			"A task that changes something gets an idempotency_key where the request has none.\n" +
			"The exit code is 1 where the agent refuses; its refusal is printed as JSON all the same.\n\n" +
			"--sign signs the request (RFC 9421) where the agent's capabilities ask for it, and every\n" +
			"request where there is no token. FILE holds a private key in PEM, as upfront identity makes\n" +
			"them and openssl genpkey -algorithm ed25519 writes them; the agent must know its public part.",
		Example: "upfront call http://127.0.0.1:8080/sales/mcp get_adcp_capabilities\n" +
			"upfront call http://127.0.0.1:8080/sales/mcp get_products '{\"buying_mode\":\"brief\",\"brief\":\"streaming TV for runners\"}'",
		Args: cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := "{}"
			if len(args) == 3 {
				body = args[2]
			}
			if token == "" {
				token = c.Getenv("UPFRONT_TOKEN")
			}
			cfg := client.Config{URL: args[0], Token: token, Protocol: client.Protocol(protocol), Timeout: timeout}
			if key != "" {
				var err error
				if cfg.Signer, err = signerOf(key); err != nil {
					return fmt.Errorf("--sign: %w", err)
				}
			}
			return call(cmd.Context(), c, cfg, args[1], body)
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "API key to send as a bearer token (default: $UPFRONT_TOKEN)")
	cmd.Flags().StringVar(&protocol, "protocol", string(client.MCP), "what to speak: mcp or a2a")
	cmd.Flags().StringVar(&key, "sign", "", "private key to sign with, a PEM file")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait for the answer")
	return cmd
}

// signerOf reads a private key to sign requests with.
func signerOf(file string) (client.Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	key, err := identity.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return identity.NewKeys(clock.System{}, key)
}

func call(ctx context.Context, c console, cfg client.Config, task, body string) error {
	op, ok := adcp.OperationNamed(task)
	if !ok {
		return fmt.Errorf("%q is not a task of the protocol; the agent's own list: upfront call %s get_adcp_capabilities", task, cfg.URL)
	}
	request, err := requestBody(c, body)
	if err != nil {
		return err
	}
	if op.Mutating && !op.KeyOptional && request["idempotency_key"] == nil {
		key, err := json.Marshal(id.New())
		if err != nil {
			return err
		}
		request["idempotency_key"] = key
		fmt.Fprintf(c.Err, "idempotency_key %s (give it again to repeat this call safely)\n", key)
	}
	document, err := json.Marshal(request)
	if err != nil {
		return err
	}
	agent := client.New(cfg)
	defer agent.Close()
	answer, err := client.CallRaw(ctx, agent, op, document)
	var refusal *adcp.Error
	if errors.As(err, &refusal) {
		document, marshalErr := json.Marshal(map[string]any{"adcp_error": refusal})
		if marshalErr != nil {
			return marshalErr
		}
		return errors.Join(printJSON(c.Out, document), reported{err})
	}
	if err != nil {
		return err
	}
	return printJSON(c.Out, answer)
}

// requestBody reads the request's fields from the argument, a file or standard input.
func requestBody(c console, body string) (map[string]json.RawMessage, error) {
	content := []byte(body)
	var err error
	switch name, file := strings.CutPrefix(body, "@"); {
	case body == "-":
		content, err = io.ReadAll(io.LimitReader(c.In, 1<<20))
	case file:
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	request := map[string]json.RawMessage{}
	if err := json.Unmarshal(content, &request); err != nil {
		return nil, fmt.Errorf("the request is not a JSON object: %w", err)
	}
	return request, nil
}

func printJSON(w io.Writer, document []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, document, "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}
