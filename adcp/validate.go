package adcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxDetailedValues is the size of a document, in values, up to which a refusal
// lists what is wrong. A larger one is refused without the list, because in a
// union every arm has its own complaints and a hostile document multiplies them.
const maxDetailedValues = 5_000

// ValidateRequest checks a request against the operation's full schema. It
// returns nil for a valid one. A request that is no JSON, or beyond what is read at
// all, or breaks the schema is an INVALID_REQUEST, as the protocol's enumeration of
// error codes has it; what breaks the schema is in its issues, and Field is set from
// the first of them.
func ValidateRequest(op *Operation, doc []byte) *Error {
	return validate(op.RequestSchema, doc)
}

// ValidateResponse checks a response against the operation's full schema. An
// answer that a task is submitted, at work or waits for input may have the form
// that the protocol publishes for that beside the operation's own. The error,
// where there is one, is an [*Error] as from [ValidateRequest].
func ValidateResponse(op *Operation, doc []byte) error {
	refused := validate(op.ResponseSchema, doc)
	if refused == nil {
		return nil
	}
	var answer struct {
		Status TaskStatus `json:"status"`
	}
	if json.Unmarshal(doc, &answer) != nil {
		return refused
	}
	switch answer.Status {
	case TaskStatusSubmitted, TaskStatusWorking, TaskStatusInputRequired:
		between := strings.TrimSuffix(op.ResponseSchema, "-response.json") + "-async-response-" + string(answer.Status) + ".json"
		if _, err := schemas().schema(between); err == nil && validate(between, doc) == nil {
			return nil
		}
	}
	return refused
}

// ValidateDocument checks a document against a schema of the bundle by its
// name, such as "core/product.json". The error, where there is one, is an
// [*Error] as from [ValidateRequest].
func ValidateDocument(schemaName string, doc []byte) error {
	if err := validate(schemaName, doc); err != nil {
		return err
	}
	return nil
}

func validate(name string, doc []byte) *Error {
	values, err := measure(doc)
	if err != nil {
		return NewError(CodeInvalidRequest, "", err.Error())
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return NewError(CodeInvalidRequest, "", "the document is not valid JSON").
			WithSuggestion("Send one JSON object.")
	}
	// A negation is what fails quickly: see negated.
	not, err := schemas().schema(negated + name)
	if err != nil {
		return NewError(CodeConfigurationError, "", err.Error())
	}
	if refused := not.Validate(instance); refused != nil {
		return nil //nolint:nilerr // what the negation refuses, the schema accepts
	}
	if values > maxDetailedValues {
		return NewError(CodeInvalidRequest, "", "the document does not match its schema, and is too large to list what is wrong").
			WithSuggestion("Send fewer items at once; the answer then names what is wrong.")
	}
	schema, err := schemas().schema(name)
	if err != nil {
		return NewError(CodeConfigurationError, "", err.Error())
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(instance); errors.As(err, &invalid) {
		return refusal(instance, invalid)
	}
	return nil
}

func refusal(instance any, err *jsonschema.ValidationError) *Error {
	issues := issuesOf(err)
	first := issues[0]
	field := fieldPath(instance, first.Pointer)
	message := first.Message
	if field != "" {
		message = field + " " + message
	}
	switch more := len(issues) - 1; {
	case more == 1:
		message += "; one more problem is in issues"
	case more > 1:
		message += fmt.Sprintf("; %d more problems are in issues", more)
	}
	e := NewError(CodeInvalidRequest, field, message).
		WithSuggestion("Correct the members named in issues and send the request again.")
	e.Issues = issues
	return e
}
