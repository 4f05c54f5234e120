package sandbox

import (
	"bytes"
	"encoding/json"

	"github.com/upfront-media/upfront/adcp"
	"github.com/upfront-media/upfront/adcp/agent"
)

// runnersBrand is the brand, and the operator, under which the protocol's
// storyboard runner sends whatever a storyboard does not write out, beside the
// account that the storyboard does write out.
const runnersBrand = "test.example"

// placeholder is the address that storyboards write where they mean the agent under
// test.
const placeholder = "https://your-platform.example.com"

// kitsOperator is the agency that operates for the brands of the test kits.
const kitsOperator = "pinnacle-agency.example"

// Amend has the runner's own account stand for the one that the storyboards of the
// principal's test kit are written for, so that what one step does is there for the
// next. Accounts themselves are opened and listed as they are named. The address
// that storyboards have for the agent under test becomes its own.
func (d *Controller) Amend(caller agent.Caller, operation string, arguments json.RawMessage) json.RawMessage {
	if caller.Sandbox && d.AgentURL != "" {
		arguments = bytes.ReplaceAll(arguments, []byte(`"`+placeholder+`"`), []byte(`"`+d.AgentURL+`"`))
	}
	brand := d.Brands[caller.Principal]
	if brand == "" || !caller.Sandbox || !bytes.Contains(arguments, []byte(runnersBrand)) ||
		operation == adcp.SyncAccounts.Name || operation == adcp.ListAccounts.Name {
		return arguments
	}
	var request map[string]json.RawMessage
	if json.Unmarshal(arguments, &request) != nil {
		return arguments
	}
	amended := amend(request, "brand", func(b map[string]json.RawMessage) bool { return rename(b, "domain", brand) })
	amended = amend(request, "account", func(a map[string]json.RawMessage) bool {
		ours := amend(a, "brand", func(b map[string]json.RawMessage) bool { return rename(b, "domain", brand) })
		return ours && rename(a, "operator", kitsOperator)
	}) || amended
	if !amended {
		return arguments
	}
	changed, err := json.Marshal(request)
	if err != nil {
		return arguments
	}
	return changed
}

// amend changes a member that is an object, and reports whether it did.
func amend(object map[string]json.RawMessage, name string, change func(map[string]json.RawMessage) bool) bool {
	var member map[string]json.RawMessage
	if json.Unmarshal(object[name], &member) != nil || !change(member) {
		return false
	}
	changed, err := json.Marshal(member)
	if err != nil {
		return false
	}
	object[name] = changed
	return true
}

// rename gives a member that is the runner's another name.
func rename(object map[string]json.RawMessage, name, to string) bool {
	var is string
	if json.Unmarshal(object[name], &is) != nil || is != runnersBrand {
		return false
	}
	text, err := json.Marshal(to)
	if err != nil {
		return false
	}
	object[name] = text
	return true
}
