from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerting", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeliveryTurn",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("holder", models.UUIDField()),
                ("lease_until", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="notificationchannel",
            name="paused_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="coverage_changed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="notification",
            name="purpose",
            field=models.CharField(
                choices=[("firing", "Firing"), ("resolved", "Resolved"), ("test", "Test")], max_length=10
            ),
        ),
    ]
