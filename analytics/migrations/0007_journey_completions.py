from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

# One look through the progress; nothing waits for it but the upkeep of journeys, which writes there. What former
# definitions left behind isn't in the totals of now.
_COUNTED = """
    INSERT INTO journey_completions (project_id, journey_id, identifier)
    SELECT progress.project_id, progress.journey_id, progress.identifier
    FROM journey_progress AS progress
    JOIN analytics_journeystate AS state
        ON (state.journey_id, state.definition) = (progress.journey_id, progress.definition)
    WHERE progress.counted_at IS NOT NULL
    ON CONFLICT DO NOTHING"""
_MARKED = """
    UPDATE journey_progress AS progress SET counted_at = now() FROM journey_completions AS counted
    WHERE (counted.journey_id, counted.identifier) = (progress.journey_id, progress.identifier)"""


def _key(to: str) -> models.ForeignKey[object, object]:
    """A reference that nothing checks, as those of the progress."""
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
    )


class Migration(migrations.Migration):
    """Who is counted as having completed a journey, kept apart from the progress, which edits begin anew."""

    dependencies = [("analytics", "0006_experiment_points")]

    operations = [
        migrations.CreateModel(
            name="JourneyCompletion",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "journey_id",
                        "identifier",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("identifier", models.TextField()),
                ("journey", _key("analytics.journey")),
                ("project", _key("projects.project")),
            ],
            options={"db_table": "journey_completions"},
        ),
        migrations.RunSQL(_COUNTED, _MARKED),
        migrations.RemoveField(model_name="journeyprogress", name="counted_at"),
    ]
