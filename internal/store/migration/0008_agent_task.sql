-- Tasks of agents that answer later, as the kit keeps them (agent.TaskStore).

-- +goose Up
CREATE TABLE agent_tasks (
    tenant       TEXT    NOT NULL,
    task_id      TEXT    NOT NULL,
    principal    TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    task_type    TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    has_webhook  BOOLEAN NOT NULL,
    -- Message, progress, context and history, as JSON.
    document     TEXT    NOT NULL,
    -- The operation's answer or the error, as JSON; '' is none.
    result       TEXT    NOT NULL,
    error        TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    completed_at BIGINT  NOT NULL,
    revision     BIGINT  NOT NULL,
    PRIMARY KEY (tenant, task_id)
);
CREATE INDEX agent_tasks_by_principal ON agent_tasks (tenant, principal, created_at, task_id);

-- +goose Down
DROP TABLE agent_tasks;
