using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Tests.Storage;

/// <summary>How the hub connects to PostgreSQL unless the connection string sets something else.</summary>
public class PostgresConnectionTests
{
    [Fact]
    public void Statements_stay_prepared_and_are_planned_for_any_values()
    {
        var settings = PostgresDatabase.WithDefaults("Host=db;Options=-c work_mem=8MB");
        Assert.Equal((40, 100, 2, true),
            (settings.MaxPoolSize, settings.MaxAutoPrepare, settings.AutoPrepareMinUsages, settings.NoResetOnClose));
        Assert.Contains("plan_cache_mode=force_generic_plan", settings.Options);
        Assert.EndsWith(" -c work_mem=8MB", settings.Options);
    }

    [Fact]
    public void A_connection_string_without_prepared_statements_is_kept_as_it_is()
    {
        var settings = PostgresDatabase.WithDefaults("Host=pooler;Max Auto Prepare=0;Maximum Pool Size=7;No Reset On Close=false");
        Assert.Equal((7, 0, false), (settings.MaxPoolSize, settings.MaxAutoPrepare, settings.NoResetOnClose));
        Assert.Null(settings.Options);
    }
}
