"""The page's sections: each module turns a run's results into one `Section`, findings included."""
