using Banyan.Server.Storage.Databases;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>PostgreSQL's index of words in parts: see <see cref="WordTiers"/>.</summary>
[Migration(104, "words in tiers")]
public sealed class M0104_WordTiers : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        var postgres = IfDatabase(t => t.StartsWith("Postgres", StringComparison.OrdinalIgnoreCase));
        foreach (var (i, tier) in WordTiers.All.Index())
            postgres.Execute.Sql(
                $"CREATE INDEX IF NOT EXISTS listing_words_{i} ON listing_words USING gin (words) WHERE {WordTiers.Condition(tier)}");
        postgres.Execute.Sql("DROP INDEX IF EXISTS listing_words_words");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
