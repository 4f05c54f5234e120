package a2a

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// takePush takes the push notification configuration of a message: to be registered
// with the task that the call begins, or where the agent's handlers do that, as the
// request's push_notification_config. It refuses what the agent does not honour. A
// request that names the same address itself stands as it is.
func (h *handler) takePush(c *call) (*misfit, *adcp.Error) {
	push := c.invocation.push
	if push == nil {
		return nil, nil
	}
	if !h.opts.PushNotifications {
		return &misfit{
			codeNoPush, "This agent sends no push notifications.",
			"Leave the configuration out, and follow tasks with get_task_status.",
		}, nil
	}
	config, url, ok := pushConfig(push)
	if !ok {
		return &misfit{
			codeInvalidParams, "The push notification configuration cannot be read.",
			"Send url and, where the receiver wants them, token and authentication.",
		}, nil
	}
	if h.agent.TakesTaskPush() {
		p := agent.TaskPush{ID: pushID(push), Form: formOf(c)}
		if json.Unmarshal(config, &p.Receiver) == nil {
			c.push = &p
			return nil, h.agent.CheckTaskPush(&p.Receiver)
		}
	}
	return h.passPush(c, config, url), nil
}

// pushID is the name that the caller gave its configuration, or the one of whoever
// gives none.
func pushID(raw json.RawMessage) string {
	var named struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &named) != nil || named.ID == "" {
		return unnamedPush
	}
	return named.ID
}

// unnamedPush is the name of a configuration that came without one: a task has one
// such.
const unnamedPush = "default"

// passPush puts the configuration into the request.
func (h *handler) passPush(c *call, config json.RawMessage, url string) *misfit {
	input := bytes.TrimSpace(c.invocation.input)
	if len(input) == 0 || string(input) == "null" {
		input = []byte("{}")
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(input, &fields) != nil {
		return nil // The agent refuses such arguments in its own words.
	}
	if own, there := fields["push_notification_config"]; there {
		if _, ownURL, ok := pushConfig(own); !ok || ownURL != url {
			return &misfit{
				codeInvalidParams, "The message and its request name different push notification configurations.",
				"Send one of them.",
			}
		}
		return nil
	}
	out := append([]byte(`{"push_notification_config":`), config...)
	if len(fields) > 0 {
		out = append(out, ',')
	}
	out = append(out, input[1:]...)
	c.invocation.input = out
	return nil
}

// pushConfig reads A2A's configuration into the protocol's. 1.0 has one scheme
// where 0.3 and the protocol have a list; names of schemes are the protocol's.
func pushConfig(raw json.RawMessage) (config json.RawMessage, url string, ok bool) {
	var in struct {
		URL            string `json:"url"`
		OperationID    string `json:"operation_id"`
		Token          string `json:"token"`
		Authentication *struct {
			Scheme      string   `json:"scheme"`
			Schemes     []string `json:"schemes"`
			Credentials string   `json:"credentials"`
		} `json:"authentication"`
	}
	if json.Unmarshal(raw, &in) != nil || in.URL == "" {
		return nil, "", false
	}
	type authentication struct {
		Schemes     []string `json:"schemes"`
		Credentials string   `json:"credentials,omitempty"`
	}
	out := struct {
		URL            string          `json:"url"`
		OperationID    string          `json:"operation_id,omitempty"`
		Token          string          `json:"token,omitempty"`
		Authentication *authentication `json:"authentication,omitempty"`
	}{URL: in.URL, OperationID: in.OperationID, Token: in.Token}
	if a := in.Authentication; a != nil {
		out.Authentication = &authentication{Schemes: a.Schemes, Credentials: a.Credentials}
		if a.Scheme != "" {
			out.Authentication.Schemes = []string{a.Scheme}
		}
		for i, s := range out.Authentication.Schemes {
			switch strings.ToLower(s) {
			case "bearer":
				out.Authentication.Schemes[i] = "Bearer"
			case "hmac-sha256":
				out.Authentication.Schemes[i] = "HMAC-SHA256"
			}
		}
	}
	config, err := json.Marshal(out)
	return config, in.URL, err == nil
}
