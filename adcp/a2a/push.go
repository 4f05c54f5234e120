package a2a

import (
	"bytes"
	"encoding/json"
	"strings"
)

// takePush hands the push notification configuration of a message to the agent
// as the request's push_notification_config, or refuses it where the agent
// does not honour one. A request that names the same address itself stands as
// it is.
func (h *handler) takePush(c *call) *misfit {
	push := c.invocation.push
	if push == nil {
		return nil
	}
	if !h.opts.PushNotifications {
		return &misfit{
			codeNoPush, "This agent sends no push notifications.",
			"Leave the configuration out, and follow tasks with get_task_status.",
		}
	}
	config, url, ok := pushConfig(push)
	if !ok {
		return &misfit{
			codeInvalidParams, "The push notification configuration cannot be read.",
			"Send url and, where the receiver wants them, token and authentication.",
		}
	}
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
