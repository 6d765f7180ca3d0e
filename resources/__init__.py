import dagster as dg
def bindings(): return dg.Definitions()
