"""What counts alone give: boosted trees on the records that the ranker has, as a rival that it has to beat."""
