using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>The audit says who by name, and its entries are chained.</summary>
[Migration(70, "audit chain")]
public sealed class M0070_Audit : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Alter.Table("audit")
            .AddColumn("actor").AsString(128).Nullable()
            .AddColumn("place").AsInt64().Nullable()                // in the chain, from 1; null until it is chained
            .AddColumn("hash").AsBinary(32).Nullable();             // SHA-256 of the entry and the hash of the one before
        Create.Index("ix_audit_place").OnTable("audit").OnColumn("place");
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
