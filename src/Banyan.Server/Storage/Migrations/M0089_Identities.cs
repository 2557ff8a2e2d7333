using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Users' identities at other sign-in providers.</summary>
[Migration(89, "identities elsewhere")]
public sealed class M0089_Identities : Migration
{
    /// <inheritdoc/>
    public override void Up() => Create.Table("identities")
        // OpenID Connect's iss and sub: together they are one person for ever
        .WithColumn("issuer").AsString(500).PrimaryKey()
        .WithColumn("subject").AsString(255).PrimaryKey()
        .WithColumn("user_id").AsInt64().ForeignKey("accounts", "id").Indexed()
        .WithColumn("provider").AsString(40)                                  // by what name it stood in the settings
        .WithColumn("created_at").AsInt64();

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
