-- fires: lab.genotype
-- evidence: policy genetics without effect
-- severity: high
CREATE SCHEMA lab;
CREATE TABLE lab.genotype (patient_id integer, hgvs text);
CREATE POLICY genetics ON lab.genotype USING (current_user = 'geneticien');

-- fires: lab."Big Table"
-- evidence: 2 policies
CREATE SCHEMA lab;
CREATE TABLE lab."Big Table" (n integer);
CREATE POLICY "see it" ON lab."Big Table" USING (false);
CREATE POLICY b ON lab."Big Table" FOR INSERT WITH CHECK (false);

-- silent: enabled, or without policies
CREATE TABLE public.genotype (patient_id integer, hgvs text);
ALTER TABLE public.genotype ENABLE ROW LEVEL SECURITY;
CREATE POLICY genetics ON public.genotype USING (current_user = 'geneticien');
CREATE TABLE public.code_postal (code text);
