"""`GET /api/v1/analytics/adoption/` and `adoption/{slug}/`: how far features are taken up."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.in_time import in_time
from analytics.usage.api import UsageView, range_of
from analytics.usage.features import feature_named, features_of
from analytics.usage.segments import segments
from analytics.usage.serializers import (
    AdoptionParameters,
    AdoptionSerializer,
    FeatureParameters,
    FeatureSerializer,
)


class AdoptionView(UsageView):
    @extend_schema(
        operation_id="adoption",
        tags=["analytics"],
        parameters=[AdoptionParameters],
        responses={200: AdoptionSerializer},
    )
    def get(self, request: Request) -> Response:
        """Of all who are active, how many use each feature that is defined in the admin."""
        from analytics.usage import adoption, answers

        question = self.question(request, self.given(request, AdoptionParameters))
        features = features_of(question.project_id)
        with in_time():
            found = answers.adoption_of_all(question.project_id, features, question.periods)
        return Response(
            {
                **range_of(question),
                "definition": adoption.DEFINITION,
                "period": question.period,
                "features": [
                    {"slug": feature.slug, "name": feature.name, **shares}
                    for feature, shares in zip(features, found, strict=True)
                ],
            }
        )


class FeatureView(UsageView):
    @extend_schema(
        operation_id="feature_adoption",
        tags=["analytics"],
        parameters=[FeatureParameters],
        responses={200: FeatureSerializer},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Who uses a feature, how soon, who drops it, and by segment. 404 where the project has no such feature."""
        from analytics.usage import adoption, answers

        given = self.given(request, FeatureParameters)
        question = self.question(request, given)
        feature = None if "\0" in slug else feature_named(question.project_id, slug)
        if feature is None:
            raise NotFound("This project has no such feature.")
        column = given.get("segment")
        with in_time():
            found = answers.adoption_of(feature, question.periods, timezone.now())
            by_value, are_more = (
                segments(question.project_id, feature.matcher, column, question.periods)
                if column
                else (None, False)
            )
        return Response(
            {
                **range_of(question),
                "definition": adoption.DEFINITION,
                "period": question.period,
                "slug": feature.slug,
                "name": feature.name,
                "description": feature.description,
                **found,
                "segments": by_value,
                "segments_truncated": are_more,
            }
        )
