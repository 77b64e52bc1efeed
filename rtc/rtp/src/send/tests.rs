mod basics;
mod bandwidth;
mod loss;
mod mapping;
mod world;
