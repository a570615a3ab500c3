"""What counts alone give: boosted trees on the ranker's own records, as a rival to beat."""
