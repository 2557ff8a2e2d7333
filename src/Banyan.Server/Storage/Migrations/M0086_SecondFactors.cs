using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>The second step of signing in.</summary>
[Migration(86, "second factors")]
public sealed class M0086_SecondFactors : Migration
{
    const int HashBytes = 32;

    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("second_factors")
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("accounts", "id")
            .WithColumn("secret").AsBinary(64)                                // codes are computed with it, so it is kept as it is
            .WithColumn("last_step").AsInt64()                                // of the last code that was taken: none comes twice
            .WithColumn("failures").AsInt32()                                 // wrong codes since
            .WithColumn("wait_until").AsInt64()
            .WithColumn("created_at").AsInt64();

        Create.Table("recovery_codes")
            .WithColumn("user_id").AsInt64().PrimaryKey().ForeignKey("second_factors", "user_id").OnDelete(Rule.Cascade)
            .WithColumn("hash").AsBinary(HashBytes).PrimaryKey();             // SHA-256: the code has 80 random bits
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
