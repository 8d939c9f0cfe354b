"The first tables: projects, records, coders, leases, and decisions that are never changed"
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None
KEPT = "decisions are never changed; add one that undoes"


def key() -> sa.Column: return sa.Column("id", sa.Integer, primary_key=True)


def texts(*names: str) -> list[sa.Column]: return [filled(name, sa.Text) for name in names]


def filled(name: str, kind) -> sa.Column: return sa.Column(name, kind, nullable=False)


def of(table: str, **more) -> sa.Column:
    "Describe a column that points to a row of `table`"
    to = sa.ForeignKey(f"desk_{table}s.id")
    return sa.Column(f"{table}_id", sa.Integer, to, nullable=False, **more)


def upgrade():
    "Make the tables"
    op.create_table(
        "desk_projects", key(), sa.Column("name", sa.Text, nullable=False, unique=True),
        *texts("source", "sha256"), filled("text_col", sa.JSON), *texts("label_col"),
        filled("columns", sa.JSON), sa.Column("revision", sa.Text), *texts("level"),
        filled("labels", sa.JSON), *texts("model"), filled("coders", sa.Integer),
        filled("created", sa.Float(53)))
    op.create_table(
        "desk_coders", key(), sa.Column("name", sa.Text, nullable=False, unique=True),
        *texts("role"), sa.Column("token_hash", sa.Text, unique=True),
        filled("active", sa.Boolean))
    op.create_table(
        "desk_records", key(), of("project"), *texts("row_id"), filled("row", sa.Integer),
        *texts("text"), filled("context", sa.JSON), *texts("code", "level", "status"),
        sa.Column("confidence", sa.Float(53)), *texts("reason"), filled("codes", sa.JSON),
        filled("suggestions", sa.JSON), *texts("model", "audit_part"),
        sa.Column("audit_draw", sa.Integer), filled("rank", sa.Integer),
        *texts("state", "outcome", "final"), filled("decided", sa.Integer),
        sa.UniqueConstraint("project_id", "row_id", name="desk_records_row_id"))
    op.create_index("desk_records_queue", "desk_records", ["project_id", "state", "rank"])
    op.create_table(
        "desk_leases", of("record", primary_key=True, autoincrement=False),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        of("coder"), of("project"), filled("taken", sa.Float(53)), filled("expires", sa.Float(53)),
        sa.UniqueConstraint("record_id", "coder_id", name="desk_leases_coder"))
    op.create_index("desk_leases_project", "desk_leases", ["project_id", "expires"])
    op.create_table(
        "desk_decisions", key(), of("project"), of("record"), of("coder"),
        filled("slot", sa.Integer), *texts("kind", "code", "note"), filled("seconds", sa.Float(53)),
        filled("shown", sa.JSON), *texts("model"),
        sa.Column("undoes", sa.Integer, sa.ForeignKey("desk_decisions.id"), unique=True),
        filled("at", sa.Float(53)), sa.Column("key", sa.Text), *texts("source"),
        sa.UniqueConstraint("coder_id", "key", name="desk_decisions_key"))
    op.create_index("desk_decisions_record", "desk_decisions", ["record_id", "coder_id"])
    op.create_index("desk_decisions_project", "desk_decisions", ["project_id", "id"])
    keep_sqlite() if op.get_bind().dialect.name == "sqlite" else keep_postgresql()


def keep_sqlite():
    "Refuse changes of decisions in SQLite"
    for what in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER desk_decisions_no_{what.lower()} BEFORE {what} "
                   f"ON desk_decisions BEGIN SELECT RAISE(FAIL, '{KEPT}'); END")


def keep_postgresql():
    "Refuse changes of decisions in PostgreSQL"
    op.execute("CREATE FUNCTION desk_decisions_kept() RETURNS trigger LANGUAGE plpgsql AS "
               f"$$ BEGIN RAISE EXCEPTION '{KEPT}'; END $$")
    for name, what, each in (("change", "UPDATE OR DELETE", "ROW"),
                             ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(f"CREATE TRIGGER desk_decisions_no_{name} BEFORE {what} ON desk_decisions "
                   f"FOR EACH {each} EXECUTE FUNCTION desk_decisions_kept()")
